# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""A running port443: started, asked, stopped, and looked over for what a scenario must not leave behind."""

import ctypes
import json
import os
import pathlib
import re
import signal
import subprocess

from . import curl as curl_module
from .h2client import H2Client
from .link import Link, tcp, tls_context, wrap
from .logs import AccessLog, EventLog
from .ports import Ports
from .wait import PATIENCE, wait_for

BINARY = os.environ.get("PORT443_BIN") or str(pathlib.Path(__file__).resolve().parents[3] / "build" / "port443")
START_TRIES = 5
PR_SET_CHILD_SUBREAPER = 36
REPORTS = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|SUMMARY: .*Sanitizer|broken_invariant")


def adopt_orphans():
    """A successor after an upgrade loses its parent: it becomes ours, and its exit status too."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(*args, env=None, binary=BINARY, timeout=30, prefix=(), **how):
    """Runs a verb to its end."""
    return subprocess.run([*prefix, binary, *map(str, args)], capture_output=True, text=True, timeout=timeout * PATIENCE,
                          env=os.environ | (env or {}), check=False, stdin=how.pop("stdin", subprocess.DEVNULL), **how)


def processes_of_session(session):
    """pids of a session, zombies left out."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="latin-1") as f:
                    fields = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] not in "ZX":
                found.append(int(entry))
    return found


class Server:
    """One server in its own session.

    config: YAML text, or a list of NAME=TARGET words. {https}, {http}, {dir} in it become ports and the scenario's place.
    workers, env, args, prefix (["setpriv", ...]), binary, pass_fds: as the words say. spare_ports: more free ports, in
    .spare ({spare} is the first). event_file: where the configuration sends events, if not to stderr. ports: a
    reservation of (https, http) that somebody else keeps, such as the CA that will connect there.
    """

    def __init__(self, config, place, workers=1, env=None, args=(), prefix=(), binary=BINARY, spare_ports=0, pass_fds=(),
                 event_file="stderr.log", ports=None):
        self.config_given, self.place = config, pathlib.Path(place)
        self.workers, self.env, self.args, self.prefix, self.binary = workers, env or {}, list(args), list(prefix), binary
        self.spare_ports, self.pass_fds = spare_ports, pass_fds
        self.state = self.place / "state"
        self.config = self.place / "port443.yaml"
        self.stderr = self.place / "stderr.log"
        self.events = EventLog(self.place / event_file)
        self.access = AccessLog(self.place / "stdout.log")
        self.root = self.place / "local-root.pem"
        self.links = []
        self.process = self.status = self.ports = None
        self.given_ports = ports
        self.killed = False
        self.statuses = {}  # of adopted successors

    # ---- life ----

    def start(self):
        for attempt in range(START_TRIES):
            self.ports = Ports(self.spare_ports + (0 if self.given_ports else 2))
            given = self.given_ports.numbers if self.given_ports else []
            self.https_port, self.http_port, *self.spare = [*given, *self.ports.numbers]
            self._spawn()
            if self._ready():
                break
            busy = "another program listens" in self.stderr.read_text()
            if not busy or attempt == START_TRIES - 1:
                raise AssertionError(f"the server did not start: status {self.status}\n{self.stderr.read_text()}")
            self.ports.release()
        if self._has_local():
            self.root.write_text(self.verb("cert", "root").stdout)
        return self

    def fill(self, text):
        """The placeholders of a configuration."""
        return (text.replace("{https}", str(self.https_port)).replace("{http}", str(self.http_port))
                .replace("{dir}", str(self.place))
                .replace("{spare}", str(self.spare[0]) if self.spare else "{spare}"))

    def write_config(self, text):
        """Puts a configuration into place, by a rename."""
        beside = self.place / "port443.yaml.new"
        beside.write_text(self.fill(text))
        beside.rename(self.config)

    def _spawn(self):
        words = ["serve", "--state", self.state, "--https-port", self.https_port, "--http-port", self.http_port]
        words += ["--workers", self.workers] if self.workers else []
        if isinstance(self.config_given, str):
            self.write_config(self.config_given)
            words += ["-c", self.config]
        else:
            words += [self.fill(w) for w in self.config_given]
        with open(self.stderr, "wb") as err, open(self.access.path, "wb") as out:
            self.process = subprocess.Popen(
                [*self.prefix, self.binary, *map(str, words), *self.args], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=os.environ | self.env, start_new_session=True, pass_fds=self.pass_fds)
        self.status = None

    def _ready(self):
        def condition():
            self.status = self.process.poll()
            return self.status is not None or self.events.find("started")
        wait_for(condition, "the server to start", 20, self.events.text)
        return self.status is None

    def _has_local(self):
        return (self.state / "ca").exists() if os.access(self.state, os.X_OK) else True

    @property
    def pid(self):
        """The master's: after an upgrade, the successor's."""
        started = self.events.find("started")
        return started[-1]["pid"] if started else self.process.pid

    def worker_pids(self):
        return [w["pid"] for w in self.report()["workers"]]

    def keeper_pid(self):
        return self.report()["keeper"][0]["pid"]

    def signal(self, signo):
        os.kill(self.pid, signo)

    def kill(self):
        """kill -9 of the master: its end is not looked over."""
        self.killed = True
        self.signal(signal.SIGKILL)
        self.process.wait(10)

    def ended(self, timeout=10):
        """Waits until no process of the server is left; the last master's exit status."""
        last = self.pid
        wait_for(lambda: not processes_of_session(self.process.pid), "the server's processes to end", timeout,
                 lambda: f"{processes_of_session(self.process.pid)}\n{self.events.text()[-2000:]}")
        self.process.wait(5)  # a zombie by now at the latest
        self._reap()
        self.status = self.statuses.get(last, self.process.returncode)
        return self.status

    def _reap(self):
        for pid in {e["pid"] for e in self.events.find("started")} - {self.process.pid}:
            try:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    self.statuses[pid] = os.waitstatus_to_exitcode(status)
            except ChildProcessError:
                pass

    def stop(self, timeout=15):
        """Closes the scenario's connections, stops, waits for the end; the exit status."""
        for link in self.links:
            link.close()
        if processes_of_session(self.process.pid):
            try:
                self.signal(signal.SIGTERM)
            except ProcessLookupError:
                pass
        return self.ended(timeout)

    def look_over(self):
        """Stops and says what is wrong with what is left, [] if nothing."""
        wrong = []
        try:
            status = self.stop()
            if status != 0 and not self.killed:
                wrong.append(f"exit status {status}")
        except AssertionError as e:
            wrong.append(str(e))
            for pid in processes_of_session(self.process.pid):
                os.kill(pid, signal.SIGKILL)
            self.process.wait(10)
        text = self.events.text() + self.stderr.read_text(errors="replace")
        wrong += [f"in the event log: {line[:400]}" for line in text.split("\n") if REPORTS.search(line)]
        if self.ports:
            self.ports.release()
        return wrong

    def dump(self):
        """What a person wants to see when a scenario failed."""
        parts = [f"---- {self.binary} https {self.https_port} http {self.http_port}, exit status {self.status}"]
        if self.config.exists():
            parts += ["---- configuration", self.config.read_text()]
        parts += ["---- stderr", self.stderr.read_text(errors="replace")[-6000:],
                  *(["---- events", self.events.text()[-6000:]] if self.events.path != self.stderr else []),
                  "---- stdout (access log)", self.access.text()[-3000:]]
        return "\n".join(parts)

    # ---- talking to its administrator ----

    def verb(self, *words, **how):
        """A verb of this server's, such as verb("status", "--json")."""
        return run(*words, "--state", self.state, env=self.env, binary=how.pop("binary", BINARY), **how)

    def background(self, *words):
        """A verb that goes on while the scenario does; a Popen."""
        return subprocess.Popen([BINARY, *map(str, words), "--state", str(self.state)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | self.env)

    def report(self):
        done = self.verb("status", "--json")
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout)

    def metrics(self):
        """{\"port443_requests_total\": 3.0, 'name{label=\"x\"}': ...}"""
        done = self.verb("status", "--metrics")
        assert done.returncode == 0, done.stderr
        rows = (line.rsplit(" ", 1) for line in done.stdout.split("\n") if line and not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    def reload(self, config=None):
        """A reload that must succeed."""
        if config is not None:
            self.write_config(config)
        done = self.verb("reload")
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    # ---- talking to it as a client ----

    def _kept(self, link):
        self.links.append(link)
        return link

    def tcp(self, port=None, **how):
        """A plain connection (to the https port unless another is named)."""
        return self._kept(Link(tcp(port or self.https_port, **how)))

    def plain(self, **how):
        """A connection to port 80."""
        return self.tcp(self.http_port, **how)

    def tls(self, sni="localhost", context=None, session=None, cafile=None, address="127.0.0.1", receive_bytes=0, **how):
        """A TLS connection, verified against the local root (cafile: another; False: nothing). how: see tls_context."""
        if context is None:
            context = tls_context(None if cafile is False else cafile or self.root, **how)
        return self._kept(Link(wrap(tcp(self.https_port, address, receive_bytes), context, sni, session)))

    def h2(self, sni="localhost", strict=True, **how):
        """An HTTP/2 client."""
        link = self.tls(sni, alpn=["h2"], **how)
        assert link.sock.selected_alpn_protocol() == "h2"
        return self._kept(H2Client(link.sock, strict))

    def curl(self, path="/", *args, name="localhost", scheme="https", cafile=None):
        """curl to this server by a site's name; the local root is trusted."""
        port = self.https_port if scheme == "https" else self.http_port
        return curl_module.curl(f"{scheme}://{name}:{port}{path}", *args, connect=f"127.0.0.1:{port}",
                                cafile=cafile or (self.root if self.root.exists() else None))
