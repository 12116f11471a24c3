"""What is read off: processes of a cgroup, their memory, their switches, processor time."""
import os
import time


def lines(path):
    """A file under /proc or of a cgroup; nothing where its owner has gone."""
    try:
        with open(path) as file:
            return file.read().splitlines()
    except OSError:
        return []


class Process:
    def __init__(self, pid):
        self.pid = pid
        self.name = "".join(lines(f"/proc/{pid}/comm"))
        status = dict(line.split(":\t", 1) for line in lines(f"/proc/{pid}/status") if ":\t" in line)
        # The last one is what the process itself takes for its pid.
        self.inner = int(status.get("NSpid", "0").split()[-1])


class Cgroup:
    def __init__(self, path):
        self.path = path

    def cpu(self):
        """Seconds on a processor of all that ever ran in it, what has ended since included."""
        for line in lines(f"{self.path}/cpu.stat"):
            if line.startswith("usage_usec"):
                return int(line.split()[1]) / 1e6
        raise SystemExit(f"bench/rivals: {self.path}/cpu.stat does not tell the processor time")

    def processes(self):
        pids = []
        for folder, _, _ in os.walk(self.path):
            pids += [int(line) for line in lines(f"{folder}/cgroup.procs")]
        return [Process(pid) for pid in pids]

    def settle(self, quiet=0.5, deadline=10):
        """Until hardly anything has run in it for a while: what a start leads to belongs to it."""
        until = time.monotonic() + deadline
        before = self.cpu()
        while time.monotonic() < until:
            time.sleep(quiet)
            now = self.cpu()
            if now - before < 0.02 * quiet:
                return
            before = now


def pss_kb(processes):
    total = 0
    for process in processes:
        for line in lines(f"/proc/{process.pid}/smaps_rollup"):
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def switches(processes):
    total = 0
    for process in processes:
        for folder, _, files in os.walk(f"/proc/{process.pid}/task"):
            if "status" in files and folder.count("/") == 4:
                total += sum(int(line.split()[1]) for line in lines(f"{folder}/status") if "ctxt_switches" in line)
    return total


def spread(values):
    """Median and worst."""
    values = sorted(values)
    return values[(len(values) - 1) // 2], values[-1]
