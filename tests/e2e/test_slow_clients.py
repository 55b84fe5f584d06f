# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Clients that take their time: some are cut, some must not be, none costs memory or others' time."""

import hashlib
import threading
import time

import pytest

from lib.h2frames import HEADERS, FrameClient, frame
from lib.http import Ended
from lib.proc import cpu_seconds, rss_kib
from lib.shared import shared_server
from lib.tlsbytes import TlsBytes
from lib.wait import wait_for

CONFIG = """
limits: {header_timeout: 700ms, idle_timeout: 1200ms, body_timeout: 700ms, body_min_rate: 0, response_timeout: 1500ms,
         handshake_timeout: 700ms}
sites:
  localhost:
    routes:
      - {path: /app, proxy: "{app}"}
      - {path: /, root: "{www}"}
"""
BIG = 100 << 20


@pytest.fixture(scope="module", name="shared")
def fixture_shared():
    with shared_server(CONFIG) as s:
        with open(s.www / "big", "wb") as f:
            f.truncate(BIG)
        yield s


def test_slow_head_is_answered_408(shared):
    with shared.tls() as link:
        start = time.monotonic()
        link.send("GET / HTTP/1.1\r\nHost: local")
        assert link.response().status == 408
        assert link.reader.closed()
        assert 0.6 < time.monotonic() - start < 3


def test_head_that_keeps_dripping_is_cut_all_the_same(shared):
    """Slowloris: the time is for the whole head, not for a byte of it."""
    with shared.tls() as link:
        start = time.monotonic()
        link.send("GET / HTTP/1.1\r\n")
        link.sock.settimeout(0.1)
        i = 0
        while time.monotonic() - start < 5:
            link.send(f"X-{i}: y\r\n")
            i += 1
            try:
                assert link.response().status == 408
                break
            except TimeoutError:
                continue
        assert 0.6 < time.monotonic() - start < 2


def test_second_slow_head_on_a_connection(shared):
    with shared.tls() as link:
        assert link.get("/").status == 200
        link.send("GET ")
        assert link.response().status == 408


def test_body_that_stops_is_cut(shared):
    with shared.tls() as link:
        link.send("POST /app HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhello")
        assert link.response().status == 408
        assert link.reader.closed()


def test_body_that_keeps_moving_is_not_cut(shared):
    """Slower than every timeout of this server put together."""
    with shared.tls() as link:
        link.send("POST /app HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n")
        for i in range(10):
            threading.Event().wait(0.2)
            link.send(str(i))
        assert link.response().json()["body"] == "0123456789"
        assert link.get("/").status == 200


def test_h2_body_that_stops_and_one_that_moves(shared):
    with shared.h2() as h2:
        stops, moves = (h2.start("/app", "POST", end=False) for _ in range(2))
        h2.data(stops, b"hello")
        for i in range(10):
            threading.Event().wait(0.2)
            h2.data(moves, str(i).encode(), end=i == 9)
        assert h2.response(moves).json()["body"] == "0123456789"
        try:
            assert h2.response(stops).status == 408
        except ConnectionResetError:
            pass


def test_h2_head_that_stops(shared):
    """HEADERS without END_HEADERS and then nothing."""
    h2 = FrameClient(shared.tls(alpn=["h2"]))
    h2.send(frame(HEADERS, 0, 1, h2.block(h2.head())[:5]))
    start = time.monotonic()
    assert h2.to_end() is not None
    assert time.monotonic() - start < 4


def test_client_that_never_says_hello(shared):
    link = shared.tcp()
    start = time.monotonic()
    assert link.sock.recv(1) == b""
    assert 0.5 < time.monotonic() - start < 3


def test_every_byte_in_a_packet_of_its_own(shared):
    """The whole TLS connection: hello, finished, two requests, a body."""
    tls = TlsBytes(shared.tcp(), drip=True)
    tls.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert tls.response().body == b"hello\n"
    tls.send("POST /app HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    assert tls.response().json()["body"] == "hello"


def test_every_byte_of_http2_in_a_packet_of_its_own(shared):
    tls = TlsBytes(shared.tcp(), drip=True, alpn=("h2",))
    assert tls.tls.selected_alpn_protocol() == "h2"

    class Over:
        class sock:
            selected_alpn_protocol = staticmethod(lambda: "h2")
            setsockopt = staticmethod(lambda *a: None)
            settimeout = staticmethod(lambda t: None)
            sendall, recv = staticmethod(tls.send), staticmethod(tls.recv)
    h2 = FrameClient(Over)
    assert h2.request("/").body == b"hello\n"


def test_every_byte_in_a_record_of_its_own(shared):
    with shared.tls() as link:
        link.drip(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert link.response().body == b"hello\n"


@pytest.mark.alone
@pytest.mark.parametrize("version", ["http/1.1", "h2"])
def test_slow_readers_cost_no_memory_and_nobody_elses_time(shared, version):
    """20 clients stall on 100 MB each; a probe stays fast; those that go on get every byte or a visible cut."""
    worker = shared.worker_pids()[0]
    assert shared.curl("/").status == 200
    before = rss_kib(worker)
    links = [shared.tls(alpn=[version], receive_bytes=8192) for _ in range(20)]
    if version == "h2":
        clients = [FrameClient(link, settings=[(4, (1 << 31) - 1)], windows=False) for link in links]
        for c in clients:
            c.window(0, (1 << 31) - 1 - 65535)
            c.get("/big")
    else:
        for link in links:
            link.request("/big")
    wait_for(lambda: shared.metrics()["port443_requests_open"] >= 20, "all downloads to start")
    cpu = cpu_seconds(worker)
    slowest = 0
    with shared.tls() as probe:
        for _ in range(100):
            start = time.monotonic()
            assert probe.get("/").status == 200
            slowest = max(slowest, time.monotonic() - start)
    assert slowest < 0.25
    grown = rss_kib(worker) - before
    assert grown < 20 * 400, f"{grown} KiB for 20 stalled downloads"
    assert cpu_seconds(worker) - cpu < 0.5, "the worker spins"
    wait_for(lambda: shared.metrics()["port443_requests_open"] == 0, "stalled clients to be cut (response_timeout)", 8)


def test_slow_reader_that_keeps_reading_gets_everything(shared):
    data = hashlib.sha256(b"slow").digest() * 4096
    (shared.www / "slow.bin").write_bytes(data)
    with shared.tls(receive_bytes=4096) as link:
        link.request("/slow.bin")
        head = link.reader.until(b"\r\n\r\n")
        assert b"200" in head
        got = link.reader.buffer
        start = time.monotonic()
        while len(got) < len(data):
            piece = link.sock.recv(4096)
            assert piece, f"cut after {len(got)} bytes, {time.monotonic() - start} s"
            got += piece
            threading.Event().wait(0.06)
        assert got == data
        assert time.monotonic() - start > 1.6, "longer than response_timeout, or this test proves nothing"


def test_stalled_reader_is_cut_visibly(shared):
    with shared.tls(receive_bytes=4096) as link:
        link.request("/big?stalled")
        shared.access.wait(target="/big?stalled", bytes_out=lambda n: n < BIG)
        with pytest.raises((Ended, ConnectionError, OSError)):
            link.response()


def test_client_reset_frees_everything(shared):
    for _ in range(5):
        link = shared.tls(receive_bytes=4096)
        link.request("/big")
        link.reader.until(b"\r\n\r\n")
        link.reset()
    wait_for(lambda: shared.metrics()["port443_requests_open"] == 0, "downloads of reset connections to end", 1)


def test_h2_flow_of_one_stalled_stream_does_not_stop_others(shared):
    h2 = FrameClient(shared.tls(alpn=["h2"]), windows=False)
    h2.get("/big")
    h2.window(0, 1 << 20)
    while sum(len(a.body) for a in h2.streams.values()) < 65535:
        assert h2.take()
    assert h2.request("/").body == b"hello\n"
