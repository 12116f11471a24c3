"""The table, and the same as JSON."""
import json

HEAD = ("supervisor", "services", "all run: s", "of the floor", "CPU s", "of the floor", "memory KB (processes)",
        "kill to new: median ms", "worst ms", "idle: CPU ms a minute", "switches a minute")

NOTES = """All run: from the moment that the supervisor is told to go to the first instruction of the last service, by the services' own clocks.
CPU: of everything since then, until all is quiet: supervisor, helpers, what they fork, and the services' own exec. Memory: PSS of
the supervisor's processes, the services' own left out. Kill to new: from kill(2) to the first instruction of the next process,
another service each time, one after the other. Idle: of all there is; switches (voluntary or not) of the supervisor's processes.
"Of the floor" is for each service."""


def times(value, floor):
    return f"{value / floor:.1f}" if floor else "-"


def row_of(row, floor, kills):
    if "reason" in row:
        return [row["label"], row["reason"]] + [""] * (len(HEAD) - 2)
    n, base = row["services"], floor or {}
    wall, cpu = base.get("start_s", 0) / base.get("services", 1), base.get("start_cpu_s", 0) / base.get("services", 1)
    return [row["label"], str(n), f"{row['start_s']:.2f}", times(row["start_s"] / n, wall), f"{row['start_cpu_s']:.2f}", times(row["start_cpu_s"] / n, cpu),
            f"{row['pss_kb']} ({row['processes']})", f"{row['kill_median_ms']:.1f}" + ("" if row["kills"] == kills else f" ({row['kills']} kills)"), f"{row['kill_worst_ms']:.1f}",
            f"{row['idle_cpu_ms_per_minute']:.0f}", f"{row['idle_switches_per_minute']:.0f}"]


def table(rows, kills):
    floor = next((row for row in rows if row["name"] == "floor" and "reason" not in row), None)
    out = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    out += ["| " + " | ".join(row_of(row, floor, kills)) + " |" for row in rows]
    return "\n".join(out)


def document(machine, options, rows):
    return json.dumps({"version": 1, "machine": machine, "services": options.services, "kills": options.kills,
                       "idle_seconds": options.idle, "rows": rows}, indent=2)
