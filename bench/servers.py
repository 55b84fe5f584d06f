# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Starts and stops the servers that are compared, and reads what the kernel says of them: CPU time, private memory.
Knows nothing of what is asked of them."""

import os
import pathlib
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import time

NAME = "bench.port443.test"
HERE = pathlib.Path(__file__).resolve().parent


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def on_core(core):
    """What a child does before exec: one core, and descriptors enough for the idle connections."""

    def setup():
        os.sched_setaffinity(0, {core})
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        for limit in ((65536, 65536), (hard, hard)):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, limit)
                return
            except (OSError, ValueError):
                continue

    return setup


def make_certificates(where):
    """Root, intermediate, leaf (all ECDSA P-256), the shape of a chain from a public authority."""

    def run(*words):
        subprocess.run(["openssl", *words], cwd=where, check=True, capture_output=True)

    def request(stem, subject):
        run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{stem}.key")
        run("req", "-new", "-key", f"{stem}.key", "-subj", subject, "-out", f"{stem}.csr")

    (where / "ca.ext").write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n")
    (where / "leaf.ext").write_text(
        f"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        f"extendedKeyUsage=serverAuth\nsubjectAltName=DNS:{NAME}\n"
    )
    request("root", "/CN=bench root")
    run("x509", "-req", "-in", "root.csr", "-signkey", "root.key", "-days", "30",
        "-extfile", "ca.ext", "-out", "root.pem")
    for stem, issuer, subject, extensions in (
        ("middle", "root", "/CN=bench intermediate", "ca.ext"),
        ("leaf", "middle", f"/CN={NAME}", "leaf.ext"),
    ):
        request(stem, subject)
        run("x509", "-req", "-in", f"{stem}.csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key",
            "-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", f"{stem}.pem")
    chain = (where / "leaf.pem").read_text() + (where / "middle.pem").read_text()
    (where / "chain.pem").write_text(chain)
    (where / "both.pem").write_text(chain + (where / "leaf.key").read_text())


def make_files(where):
    block = bytes(ord("a") + i * 7 % 26 for i in range(1 << 20))
    where.mkdir()
    (where / "1k.bin").write_bytes(block[:1024])
    with open(where / "big.bin", "wb") as f:
        for _ in range(100):
            f.write(block)


def children_of(root):
    """The process and all its descendants that live now."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    parents[int(entry)] = int(f.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
    family = [root]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family


class Server:
    """One server under measurement. The command may use {conf}, {port}, {dir}."""

    def __init__(self, name, template, command, version, env=None, can_static=True):
        self.name = name
        self.template = template
        self.command = command
        self.version_command = version
        self.env = env or {}
        self.can_static = can_static
        self.process = None
        self.port = 0

    def found(self):
        return shutil.which(self.command[0]) is not None

    def version(self):
        done = subprocess.run(self.version_command, capture_output=True, text=True)
        text = (done.stdout + done.stderr).strip()
        return text.splitlines()[0] if text else "?"

    def start(self, base, backend_port, core):
        self.dir = base / self.name
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir()
        self.port = free_port()
        text = (HERE / "peers" / self.template).read_text()
        for word, value in (
            ("DIR", self.dir), ("PORT", self.port), ("BACKEND", backend_port), ("NAME", NAME),
            ("ROOT", base / "files"), ("CERT", base / "chain.pem"), ("KEY", base / "leaf.key"),
            ("PEM", base / "both.pem"),
        ):
            text = text.replace(f"@{word}@", str(value))
        conf = self.dir / self.template
        conf.write_text(text)
        words = [w.format(conf=conf, port=self.port, dir=self.dir, port2=free_port()) for w in self.command]
        env = dict(os.environ, HOME=str(self.dir), XDG_CONFIG_HOME=str(self.dir),
                   XDG_DATA_HOME=str(self.dir), **self.env)
        self.output = open(self.dir / "output", "wb")
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                                        env=env, start_new_session=True, preexec_fn=on_core(core), cwd=self.dir)
        self.wait_ready(base / "root.pem")

    def wait_ready(self, ca):
        context = ssl.create_default_context(cafile=ca)
        deadline = time.monotonic() + 15
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                    with context.wrap_socket(s, server_hostname=NAME):
                        return
            except OSError as error:
                status = self.process.poll()
                if status is not None or time.monotonic() > deadline:
                    self.stop()
                    tail = (self.dir / "output").read_text(errors="replace")[-800:]
                    how = "it runs, but does not listen" if status is None else f"exit status {status}"
                    raise RuntimeError(f"{self.name} does not serve: {how}: {error}\n{tail}") from error
                time.sleep(0.05)

    def cpu_ns(self):
        total = 0
        for pid in children_of(self.process.pid):
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                        total += int(f.read().split()[0])
            except OSError:
                continue
        return total

    def private_bytes(self):
        total = 0
        for pid in children_of(self.process.pid):
            try:
                with open(f"/proc/{pid}/smaps_rollup") as f:
                    for line in f:
                        if line.startswith(("Private_Clean:", "Private_Dirty:")):
                            total += int(line.split()[1]) * 1024
            except OSError:
                continue
        return total

    def stop(self):
        if not self.process:
            return
        family = children_of(self.process.pid)
        for how in (signal.SIGTERM, signal.SIGKILL):
            for pid in family:
                try:
                    os.kill(pid, how)
                except OSError:
                    continue
            try:
                self.process.wait(3 if how == signal.SIGTERM else None)
            except subprocess.TimeoutExpired:
                continue
        self.output.close()
        self.process = None


def all_servers(port443):
    """In the order of the tables. Ours first."""
    return [
        Server("port443", "port443.yaml",
               [str(port443), "serve", "-c", "{conf}", "--state", "{dir}/state", "--workers", "1",
                "--https-port", "{port}", "--http-port", "{port2}", "--socket", "{dir}/control.sock"],
               [str(port443), "--version"]),
        Server("nginx", "nginx.conf", ["nginx", "-p", "{dir}", "-c", "{conf}", "-e", "{dir}/error.log"],
               ["nginx", "-v"]),
        Server("haproxy", "haproxy.cfg", ["haproxy", "-db", "-f", "{conf}"], ["haproxy", "-v"], can_static=False),
        Server("h2o", "h2o.conf", ["h2o", "-c", "{conf}"], ["h2o", "--version"]),
        Server("caddy", "Caddyfile", ["caddy", "run", "--adapter", "caddyfile", "--config", "{conf}"],
               ["caddy", "version"], env={"GOMAXPROCS": "1"}),
    ]


class Backend:
    """The one backend behind all proxies, on the core of the load: its CPU is not counted."""

    def __init__(self, binary, core):
        self.process = subprocess.Popen([str(binary)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        preexec_fn=on_core(core), text=True)
        self.port = int(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(5)
