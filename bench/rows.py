# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What is measured: the table of rows, and how one row is measured once on one server."""

import dataclasses
import json
import subprocess
import time

from servers import NAME, on_core

KIB = 1024
BIG = 100 << 20
CONNECTION_RATE = 400
REQUEST_RATE = 4000


@dataclasses.dataclass(frozen=True)
class Row:
    key: str
    title: str
    unit: str
    options: tuple  # of the load client
    ops: int
    goal: float = 0  # port443 / reference must not exceed it; 0: no goal
    against: str = "best"  # or the name of a peer
    static: bool = False  # needs a server of files
    divide: int = 1  # units in one operation
    main: bool = True  # False: left out by --quick
    memory: bool = False


def load_options(mode, path="/1k.bin", size=KIB, **more):
    words = ["--mode", mode, "--path", path, "--bytes", str(size)]
    for name, value in more.items():
        words += [f"--{name}", str(value)]
    return tuple(words)


CLOSED = {"links": 16, "warm": 3000}
PACED = {"links": 16, "warm": 2000, "rate": REQUEST_RATE}
H2_CLOSED = {"links": 16, "streams": 16, "warm": 4096}
H2_PACED = {"links": 16, "streams": 16, "burst": 16, "warm": 2048, "rate": REQUEST_RATE}
CONNECT = {"links": 256, "warm": 100, "rate": CONNECTION_RATE}
AES128 = "TLS_AES_128_GCM_SHA256"

ROWS = [
    Row("idle_bytes", "idle TLS connection, private memory", "bytes",
        load_options("idle", links=2000, rate=CONNECTION_RATE), 1500, 0.80, "nginx", memory=True),
    Row("full", "full TLS 1.3 connection + 1 request + close", "us", load_options("full", **CONNECT), 1000, 0.90),
    Row("resumed", "resumed TLS 1.3 connection + 1 request + close", "us",
        load_options("resumed", **CONNECT), 1000, 0.90),
    Row("full_aes128", "full, client offers only AES-128-GCM", "us",
        load_options("full", ciphers=AES128, **CONNECT), 1000, main=False),
    Row("resumed_aes128", "resumed, client offers only AES-128-GCM", "us",
        load_options("resumed", ciphers=AES128, **CONNECT), 1000, main=False),
    Row("h1_static", "HTTP/1.1 keep-alive, 1 KiB static", "us", load_options("h1", **CLOSED), 40000, 0.85, static=True),
    Row("h1_proxied", "HTTP/1.1 keep-alive, 1 KiB proxied", "us",
        load_options("h1", "/proxy/1k.bin", **CLOSED), 25000, 0.85),
    Row("h1_static_paced", f"HTTP/1.1 static at {REQUEST_RATE}/s", "us",
        load_options("h1", **PACED), 8000, static=True, main=False),
    Row("h1_proxied_paced", f"HTTP/1.1 proxied at {REQUEST_RATE}/s", "us",
        load_options("h1", "/proxy/1k.bin", **PACED), 8000, main=False),
    Row("h2_static", "HTTP/2, 16 connections x 16 streams, 1 KiB static", "us",
        load_options("h2", **H2_CLOSED), 40000, 0.50, "nginx", static=True),
    Row("h2_proxied", "HTTP/2, 16 x 16, 1 KiB proxied", "us",
        load_options("h2", "/proxy/1k.bin", **H2_CLOSED), 20000),
    Row("h2_static_paced", f"HTTP/2 static, bursts of 16 at {REQUEST_RATE}/s", "us",
        load_options("h2", **H2_PACED), 8000, static=True, main=False),
    Row("mb_static", "per MB, 100 MB static, HTTP/1.1", "us",
        load_options("h1", "/big.bin", BIG, warm=1), 5, 0.95, static=True, divide=100),
    Row("mb_proxied", "per MB, 100 MB proxied, HTTP/1.1", "us",
        load_options("h1", "/proxy/big.bin", BIG, warm=1), 5, 0.95, divide=100),
]


class Failed(Exception):
    """The load client saw a wrong answer, or the machine was taken away meanwhile."""


class Load:
    """The load client as a process that waits for leave at both ends of the measurement."""

    def __init__(self, binary, core, ca, server, row, ops):
        words = [str(binary), "--port", str(server.port), "--name", NAME, "--ca", str(ca), "--ops", str(ops)]
        self.process = subprocess.Popen(words + list(row.options), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        preexec_fn=on_core(core), text=True)

    def expect(self, phase):
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"phase": "failed", "error": "the load client died"}
        if answer["phase"] != phase:
            raise Failed(answer["error"])
        return answer

    def leave(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def stolen_ticks(cores):
    with open("/proc/stat") as f:
        return sum(int(line.split()[8]) for line in f if line.split()[0] in {f"cpu{c}" for c in cores})


def measure(bench, server, row):
    """One value of one row on one server: {"value", and what the client said}. Raises Failed."""
    load = Load(bench.load, bench.load_core, bench.base / "root.pem", server, row, bench.ops(row))
    try:
        load.expect("ready")
        probe = bench.probe(server, row)
        time.sleep(0.02)
        stolen = stolen_ticks((bench.server_core, bench.load_core))
        began = time.monotonic()
        read = server.private_bytes if row.memory else server.cpu_ns
        before = read()
        load.leave()
        answer = load.expect("done")
        time.sleep(bench.idle_wait if row.memory else 0.02)
        after = read()
        probe.finish(answer)
        lost = (stolen_ticks((bench.server_core, bench.load_core)) - stolen) / 100
        if not row.memory and lost > 0.01 * (time.monotonic() - began):
            raise Failed(f"{lost:.2f} s stolen by the host")
        per_op = (after - before) / answer["ops"] / row.divide
        answer["value"] = per_op if row.memory else per_op / 1000
        answer["busy"] = 0 if row.memory else (after - before) / 1e9 / answer["seconds"]
        load.leave()
        return answer
    finally:
        load.close()
