"""How each supervisor is told of its services, each in the way that is cheapest for it and that its own documentation shows.

prepare(setting, n) writes what it reads and says what process 1 of the namespaces starts; the services are called s1 to sN.
"""
import os
import shutil
import subprocess
import time
from pathlib import Path

from setting import Missing, Wrong, tail


def names(n):
    return [f"s{i}" for i in range(1, n + 1)]


class Supervisor:
    label = ""     # with a place for the version
    name = ""
    program = ""   # below /usr, of a package of Debian's
    package = ""
    most = None    # services, where more cannot be or take too long
    start_seconds = 120

    def __init__(self, options):
        self.options = options

    def check(self):
        if self.program and not any((Path(root) / self.program).exists() for root in (f"{self.options.cache}/usr", "/usr")):
            raise Missing("not installed")

    def version(self):
        """As Debian numbers it, where it is Debian's."""
        file = Path(self.options.cache) / "versions"
        versions = dict(line.split() for line in file.read_text().splitlines()) if file.exists() else {}
        if self.package and self.package not in versions:
            asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", self.package], capture_output=True, text=True)
            return asked.stdout
        return versions.get(self.package, "")

    def open(self, setting, n):
        return setting.enclose(self.options.cache, self.prepare(setting, n))


class Floor(Supervisor):
    name, label = "floor", "bare fork, exec, wait: the floor"

    def prepare(self, setting, n):
        return [setting.compile("bare"), n, setting.sleeper]


class Vmkeep(Supervisor):
    name, label = "vmkeep", "vmkeep"

    def check(self):
        if not (Path(self.options.bin) / "vmkeepd").exists():
            raise Missing("not built")

    def prepare(self, setting, n):
        folder = setting.folder / "vmkeep"
        folder.mkdir(exist_ok=True)
        return [setting.folder / "bin/vmkeepd", "--state", folder / "state", "--run", folder / "run", "--log", folder / "log",
                "--boot-id", "the-measured-one"]

    def open(self, setting, n):
        """A daemon of an earlier boot imports the services and is gone; what is measured is the first start after a boot."""
        tools = setting.folder / "bin"
        shutil.copytree(self.options.bin, tools, symlinks=True, ignore=shutil.ignore_patterns("*_test"))
        host = super().open(setting, n)
        manifest = setting.folder / "many.xml"
        manifest.write_text(self.manifest(setting, n))
        daemon = [*self.prepare(setting, n)[:-1], "an-earlier-one", "--await-startup"]
        earlier = host.inside(*daemon)
        deadline = time.monotonic() + 30
        while host.inside(tools / "svcs", "-a").wait() != 0:
            if time.monotonic() > deadline:
                raise Wrong(f"vmkeepd does not answer{tail(setting.log)}")
            time.sleep(0.05)
        imported = host.inside(tools / "svccfg", "import", manifest)
        if imported.wait(300) != 0:
            raise Wrong(f"the services could not be imported{tail(setting.log)}")
        # nsenter waits for what it started, which is told to end by the pid that it has outside.
        for process in host.cgroup.processes():
            if process.name == "vmkeepd":
                os.kill(process.pid, 15)
        earlier.wait(60)
        return host

    def manifest(self, setting, n):
        instances = "\n".join(f"""<instance name='{name}' enabled='true'><exec_method type='method' name='start'
 exec='{setting.sleeper} {name}' timeout_seconds='60' /></instance>""" for name in names(n))
        return f"""<?xml version="1.0"?>
<!DOCTYPE service_bundle SYSTEM "/usr/share/lib/xml/dtd/service_bundle.dtd.1">
<service_bundle type='manifest' name='rivals'>
<service name='bench/rivals' type='service' version='1'>
<dependency name='filesystem' grouping='require_all' restart_on='none' type='service'>
<service_fmri value='svc:/system/filesystem/local:default' /></dependency>
<exec_method type='method' name='stop' exec=':kill' timeout_seconds='60' />
<property_group name='startd' type='framework'><propval name='duration' type='astring' value='child' /></property_group>
{instances}
<stability value='Evolving' /></service></service_bundle>
"""


class Folders(Supervisor):
    """A folder a service, whose `run` is the service itself: no shell in between."""

    def folders(self, setting, n):
        all_of_them = setting.folder / "services"
        all_of_them.mkdir()
        for name in names(n):
            (all_of_them / name).mkdir()
            os.link(setting.sleeper, all_of_them / name / "run")
        return all_of_them


class S6(Folders):
    name, label, program, package = "s6", "s6 {}, a helper each", "bin/s6-svscan", "s6"

    def prepare(self, setting, n):
        return ["/usr/bin/s6-svscan", "-c", n + 8, self.folders(setting, n)]


class Runit(Folders):
    name, label, program, package = "runit", "runit {}, a helper each", "bin/runsvdir", "runit"
    most = 1000

    def prepare(self, setting, n):
        return ["/usr/bin/runsvdir", self.folders(setting, n)]


class Supervisord(Supervisor):
    name, label, program, package = "supervisor", "supervisor {}", "bin/supervisord", "supervisor"
    start_seconds = 180

    def prepare(self, setting, n):
        conf = setting.folder / "supervisord.conf"
        programs = "".join(f"[program:{name}]\ncommand={setting.sleeper} {name}\nautorestart=true\nredirect_stderr=true\n"
                           f"stdout_logfile=NONE\n" for name in names(n))
        conf.write_text(f"""[supervisord]
nodaemon=true
user=root
logfile={setting.folder}/supervisord.log
pidfile={setting.folder}/supervisord.pid
childlogdir={setting.folder}
minfds={4 * n + 64}
[unix_http_server]
file={setting.folder}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
{programs}""")
        return ["/usr/bin/supervisord", "-c", conf]


class Monit(Supervisor):
    name, label, program, package = "monit", "monit {}, which asks every second", "bin/monit", "monit"

    def __init__(self, options):
        super().__init__(options)
        self.most = options.monit

    def prepare(self, setting, n):
        (setting.folder / "pids").mkdir()
        conf = setting.folder / "monitrc"
        conf.touch(0o600)
        checks = "".join(f'check process {name} with pidfile {setting.folder}/pids/{name}\n'
                         f'  start program = "{setting.sleeper} --pidfile {setting.folder}/pids/{name} {name}"\n'
                         for name in names(n))
        conf.write_text(f"set daemon 1\nset log {setting.folder}/monit.log\nset pidfile {setting.folder}/monit.pid\n"
                        f"set idfile {setting.folder}/monit.id\nset statefile {setting.folder}/monit.state\n{checks}")
        return ["/usr/bin/monit", "-I", "-c", conf]


class Systemd(Supervisor):
    name, label, package = "systemd", "systemd {} and its journal", "systemd"

    def check(self):
        if os.geteuid() != 0 or not shutil.which("debootstrap"):
            raise Missing("debootstrap is not installed")

    def version(self):
        release = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "libsystemd0"], capture_output=True, text=True)
        return release.stdout

    def open(self, setting, n):
        units = setting.folder / "units"
        units.mkdir()
        for name in names(n):
            (units / f"rivals-{name}.service").write_text(
                f"[Service]\nExecStart={setting.sleeper} {name}\nRestart=always\nRestartSec=0\n")
        wanted = " ".join(f"rivals-{name}.service" for name in names(n))
        (units / "rivals.target").write_text(f"[Unit]\nWants={wanted}\n")
        return setting.boot_systemd(units)


ALL = (Floor, Vmkeep, S6, Runit, Supervisord, Monit, Systemd)
