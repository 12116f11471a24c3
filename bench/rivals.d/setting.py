"""Where a supervisor is measured: a folder of its own, namespaces of its own, a cgroup of its own that tells its processor time."""
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from figures import Cgroup

HERE = Path(__file__).resolve().parent


class Missing(Exception):
    """What is to be measured cannot run here; the text says why."""


class Wrong(Exception):
    """It did not do what it should."""


def cgroup2_mount():
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ")
        if after.split()[0] == "cgroup2":
            return Path(before.split()[4])
    raise SystemExit("bench/rivals: no cgroup version 2 is mounted here, which tells the processor time")


class Told:
    """What the services say: a pipe that holds it until somebody reads, so that reading costs nothing of what is measured."""

    def __init__(self, path):
        os.mkfifo(path)
        self.pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.fcntl(self.pipe, fcntl.F_SETPIPE_SZ, 1 << 20)
        self.rest = b""

    def read(self):
        """(name, pid, monotonic ns) of each that was heard of."""
        try:
            self.rest += os.read(self.pipe, 1 << 20)
        except BlockingIOError:
            return []
        *whole, self.rest = self.rest.split(b"\n")
        return [(name.decode(), int(pid), int(at)) for name, pid, at in (line.split() for line in whole)]

    def collect(self, names, seconds, log):
        """{name: (pid, ns)}: the first that each of those names says."""
        found, deadline = {}, time.monotonic() + seconds
        while True:
            for name, pid, at in self.read():
                found.setdefault(name, (pid, at))
            missing = names - found.keys()
            if not missing:
                return found
            if time.monotonic() > deadline:
                raise Wrong(f"{len(missing)} of {len(names)} services did not run within {seconds} s{tail(log)}")
            time.sleep(0.05)


def tail(log):
    text = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return "".join(f"\n    | {line}" for line in text[-8:])


class Setting:
    """The folder, with the service in it and the pipe that it writes into."""

    def __init__(self, name):
        self.folder = Path(tempfile.mkdtemp(prefix="vmkeep-rivals.", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.name = name
        self.log = self.folder / "log"
        self.host = None
        self.told = Told(self.folder / "told")
        self.sleeper = self.folder / "sleeper"
        self.compile("sleeper", f'-DTOLD="{self.folder}/told"')

    def compile(self, name, *options):
        program = self.folder / name
        subprocess.run(["cc", "-O2", *options, "-o", str(program), str(HERE / f"{name}.c")], check=True)
        return program

    def enclose(self, packages, command):
        self.host = Enclosed(self, packages, command)
        return self.host

    def boot_systemd(self, units):
        self.host = Booted(self, units)
        return self.host

    def close(self):
        if self.host:
            self.host.close()
        os.close(self.told.pipe)
        shutil.rmtree(self.folder, ignore_errors=True)


class Enclosed:
    """Namespaces whose process 1 is init.c, which starts the command when go() says so."""

    def __init__(self, setting, packages, command):
        path = cgroup2_mount() / f"vmkeep-rivals-{os.getpid()}-{setting.name}"
        path.mkdir()
        self.cgroup = Cgroup(str(path))
        self.log = open(setting.log, "ab")
        self.folder = setting.folder
        init = setting.compile("init")
        self.unshare = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child=SIGKILL", "--mount", "--propagation", "private", "--ipc",
             "--cgroup", "--net", str(HERE / "enclose"), str(setting.folder), str(packages), str(init), *map(str, command)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, preexec_fn=self.join)
        if self.unshare.stdout.readline() != b"ready\n":
            self.close()
            raise Missing(f"the namespaces could not be made{tail(setting.log)}")

    def join(self):
        with open(f"{self.cgroup.path}/cgroup.procs", "w") as file:
            file.write("0")

    def init(self):
        return next(p.pid for p in self.cgroup.processes() if p.inner == 1)

    def inside(self, *command):
        """A process of the host that is no service and is not measured, except by what it makes the supervisor do."""
        return subprocess.Popen(
            ["nsenter", "-t", str(self.init()), "--mount", "--pid", "--ipc", "--cgroup", "--net", "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", f"HOME={self.folder}",
             f"VMKEEP_RUN={self.folder}/vmkeep/run", *map(str, command)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=self.join)

    def go(self):
        self.unshare.stdin.write(b"\n")
        self.unshare.stdin.flush()

    def own(self, processes):
        """Without `unshare`, which stands outside, and process 1, which is ours."""
        return [p for p in processes if p.inner != 1 and p.pid != self.unshare.pid]

    def close(self):
        self.unshare.kill()
        self.unshare.wait()
        self.log.close()
        forget(self.cgroup.path)


class Booted:
    """A systemd that runs a host of its own, kept by the script `systemd`."""

    def __init__(self, setting, units):
        self.setting = setting
        self.log = open(setting.log, "ab")
        self.script = subprocess.Popen([str(HERE / "systemd"), str(setting.folder), str(units)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        words = self.script.stdout.readline().decode().split()
        if len(words) != 3:
            self.script.wait()
            raise Missing(f"systemd could not be booted{tail(setting.log)}")
        self.cgroup = Cgroup(words[0])
        self.pid = words[2]

    def go(self):
        subprocess.run(["nsenter", "-t", self.pid, "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--net", "env", "-i",
                        "PATH=/usr/bin:/bin", "systemctl", "start", "--no-block", "rivals.target"],
                       stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, check=True)

    def own(self, processes):
        return [p for p in processes if p.name in ("systemd", "systemd-journal")]

    def close(self):
        self.script.stdin.close()
        self.script.wait()
        self.log.close()


def forget(path):
    """Removes a cgroup and what is below; all that lived there has just been killed."""
    deadline = time.monotonic() + 10
    while os.path.isdir(path) and time.monotonic() < deadline:
        for folder, _, _ in os.walk(path, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass
        time.sleep(0.02)
