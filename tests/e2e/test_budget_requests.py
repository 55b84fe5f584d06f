# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What a request may cost at steady load on one kept-alive connection: system calls, memory."""

import pathlib
import shutil
import signal
import subprocess
import threading
import time

import pytest

from lib.h2frames import FrameClient
from lib.proc import rss_kib, sanitized
from lib.shared import shared_server
from lib.wait import wait_for

pytestmark = [pytest.mark.alone, pytest.mark.skipif(sanitized(), reason="a sanitizer has costs of its own")]

CONFIG = """
sites:
  localhost:
    routes:
      - {path: /app, proxy: "{app}"}
      - {path: /, root: "{www}"}
"""
REQUESTS = 1000
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def quick(call):
    """An upstream that costs this process little."""
    while call.read_head():
        call.send(ANSWER)


@pytest.fixture(scope="module", name="shared")
def fixture_shared():
    with shared_server(CONFIG, script=quick, files={"index.html": "hello\n", "f1k": bytes(1024)}) as s:
        yield s


class H1:
    """Requests one after the other, read without parsing."""

    def __init__(self, shared, path):
        self.link = shared.tls()
        self.data = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self.end = b"\r\n\r\nok" if path == "/app" else b"\r\n\r\nhello\n"

    def __call__(self):
        self.link.send(self.data)
        got = b""
        while not got.endswith(self.end):
            piece = self.link.sock.recv(65536)
            assert piece
            got += piece
        assert got.startswith(b"HTTP/1.1 200")


class H2:
    def __init__(self, shared, path):
        self.h2 = FrameClient(shared.tls(alpn=["h2"]), windows=False)
        self.h2.window(0, 1 << 20)  # once, not for every answer
        self.path = path

    def __call__(self):
        assert self.h2.request(self.path).status == 200


class Trace:
    """strace's count of a process's system calls."""

    def __init__(self, pid, place):
        if not shutil.which("strace"):
            pytest.skip("strace is not installed")
        self.out = pathlib.Path(place, "strace")
        self.log = pathlib.Path(place, "strace.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["strace", "-f", "-c", "-o", str(self.out), "-p", str(pid)], stderr=log)
        wait_for(lambda: self.process.poll() is not None or b"attached" in self.log.read_bytes(), "strace to attach")
        if self.process.poll() is not None:
            pytest.skip(f"this machine does not allow ptrace: {self.log.read_text()[:200]}")

    def counts(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        found = {}
        for line in self.out.read_text().split("\n"):
            words = line.split()
            if len(words) >= 5 and words[0].replace(".", "").isdigit() and words[-1] != "total":
                found[words[-1]] = int(words[3])
        return found


@pytest.mark.parametrize("client", [H1, H2])
@pytest.mark.parametrize("path, most", [("/", 3), ("/app", 6)])
def test_system_calls_of_a_request(shared, tmp_path, client, path, most):
    ask = client(shared, path)
    for _ in range(50):
        ask()  # the start: handshake, ticket, file, upstream connection
    trace = Trace(shared.worker_pids()[0], tmp_path)
    start = time.monotonic()
    for _ in range(REQUESTS):
        ask()
    timed = 10 * (time.monotonic() - start)  # log lines and timers, a few a second
    counts = trace.counts()
    calls = sum(counts.values())
    assert calls > REQUESTS, f"strace has seen nothing: {counts}"
    assert calls - timed <= (most + 0.03) * REQUESTS, (timed, counts)


def settled(shared):
    """The counters of now: a worker writes them once a second."""
    threading.Event().wait(1.1)
    return shared.metrics()


@pytest.mark.parametrize("client", [H1, H2])
@pytest.mark.parametrize("path", ["/", "/app"])
def test_memory_stays_where_it_is(shared, client, path):
    ask = client(shared, path)
    for _ in range(200):
        ask()
    worker = shared.worker_pids()[0]
    before, rss = settled(shared), rss_kib(worker)
    for _ in range(5000):
        ask()
    after = settled(shared)
    assert after["port443_requests_total"] >= before["port443_requests_total"] + 5000
    assert after["port443_pool_held_bytes"] == before["port443_pool_held_bytes"]
    grown = after["port443_pool_used_bytes"] - before["port443_pool_used_bytes"]
    assert grown < 4096, "a Date a second in the table of HTTP/2's field compression, and nothing else"
    assert rss_kib(worker) - rss < 256
