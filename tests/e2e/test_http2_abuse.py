# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""HTTP/2 against the server: malformed requests, resets, floods, bombs. It survives, small and quick for everybody else."""

import struct
import time

import pytest

from lib.h2frames import (CANCEL, COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM,
                          FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY, HEADERS, PING, PREFACE, PRIORITY, PROTOCOL_ERROR,
                          PUSH_PROMISE, REFUSED_STREAM, RST_STREAM, SETTINGS, STREAM_CLOSED, WINDOW_UPDATE, FrameClient, frame)
from lib.proc import cpu_seconds, rss_kib
from lib.shared import shared_server
from lib.wait import wait_for

CONFIG = """
limits: {h2_streams: 100}
sites:
  localhost:
    routes:
      - {path: /app, proxy: "{app}"}
      - {path: /, root: "{www}"}
"""
GROWTH_KIB = 6000


@pytest.fixture(scope="module", name="shared")
def fixture_shared():
    with shared_server(CONFIG, files={"index.html": "hello\n", "big": bytes(4 << 20)}) as s:
        s.curl("/")
        yield s


@pytest.fixture(name="watched")
def fixture_watched(shared):
    """Looks over the worker around a scenario: alive, small, not spinning, still quick."""
    worker = shared.worker_pids()[0]
    before, broken = rss_kib(worker), shared.metrics()["port443_broken_invariants_total"]
    yield shared
    start = time.monotonic()
    with shared.tls() as link:
        assert link.get("/").body == b"hello\n"
    assert time.monotonic() - start < 0.5
    assert shared.worker_pids() == [worker], "a worker died"
    assert rss_kib(worker) - before < GROWTH_KIB
    assert shared.metrics()["port443_broken_invariants_total"] == broken
    for link in shared.links:
        link.close()
    wait_for(lambda: shared.metrics()["port443_requests_open"] == 0, "all exchanges to end")
    cpu = cpu_seconds(worker)
    time.sleep(0.05)  # nothing is asked now: whoever works, spins
    assert cpu_seconds(worker) - cpu < 0.04


def frames(shared, **how):
    return FrameClient(shared.tls(alpn=["h2"]), **how)


# ---- malformed requests: the stream is reset (or answered 400), the connection goes on, the upstream sees nothing ----

GOOD = {":method": "GET", ":scheme": "https", ":authority": "localhost", ":path": "/app/x"}


def pseudo(*more, drop=(), **change):
    fields = {k: change.get(k[1:], v) for k, v in GOOD.items() if k not in drop}
    return [*fields.items(), *more]


MALFORMED = {
    "no method": pseudo(drop=[":method"]),
    "no scheme": pseudo(drop=[":scheme"]),
    "no path": pseudo(drop=[":path"]),
    "no authority and no host": pseudo(drop=[":authority"]),
    "empty path": pseudo(path=""),
    "empty method": pseudo(method=""),
    "empty authority": pseudo(authority=""),
    "scheme http": pseudo(scheme="http"),
    "scheme ftp": pseudo(scheme="ftp"),
    "two methods": pseudo((":method", "GET")),
    "two paths": pseudo((":path", "/app/y")),
    "two authorities": pseudo((":authority", "other")),
    "unknown pseudo-field": pseudo((":protocol", "websocket")),
    "status in a request": pseudo((":status", "200")),
    "pseudo-field behind a field": [("x", "y"), *pseudo()],
    "path without a slash": pseudo(path="app/x"),
    "asterisk for GET": pseudo(path="*"),
    "absolute path": pseudo(path="https://localhost/app/x"),
    "space in the path": pseudo(path="/app/ x"),
    "CRLF in the path": pseudo(path="/app/x HTTP/1.1\r\nX: y"),
    "NUL in the path": pseudo(path="/app/\0"),
    "fragment in the path": pseudo(path="/app/x#y"),
    "space in the method": pseudo(method="GET /app/hidden HTTP/1.1\r\nX:"),
    "colon in the method": pseudo(method="GE:T"),
    "comma in the authority": pseudo(authority="localhost,other"),
    "user in the authority": pseudo(authority="a@localhost"),
    "path in the authority": pseudo(authority="localhost/x"),
    "CRLF in the authority": pseudo(authority="localhost\r\nX: y"),
    "host disagrees": pseudo(("host", "other")),
    "two hosts": pseudo(("host", "localhost"), ("host", "localhost")),
    "upper case": pseudo(("X-Upper", "y")),
    "space in a name": pseudo(("x y", "z")),
    "colon in a name": pseudo(("x:y", "z")),
    "CR in a name": pseudo(("x\ry", "z")),
    "NUL in a name": pseudo(("x\0y", "z")),
    "empty name": pseudo(("", "z")),
    "high byte in a name": pseudo(("x\u00e4", "z")),
    "CR in a value": pseudo(("x", "a\rb")),
    "LF in a value": pseudo(("x", "a\nb")),
    "CRLF in a value": pseudo(("x", "a\r\nHidden: 1")),
    "NUL in a value": pseudo(("x", "a\0b")),
    "connection": pseudo(("connection", "close")),
    "keep-alive": pseudo(("keep-alive", "timeout=5")),
    "proxy-connection": pseudo(("proxy-connection", "x")),
    "transfer-encoding": pseudo(("transfer-encoding", "chunked")),
    "upgrade": pseudo(("upgrade", "h2c")),
    "te gzip": pseudo(("te", "gzip")),
    "length without a body": pseudo(("content-length", "5")),
    "two lengths": pseudo(("content-length", "0"), ("content-length", "0")),
    "length with a sign": pseudo(("content-length", "+0")),
    "length list": pseudo(("content-length", "0, 0")),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_request(shared, case):
    seen = len(shared.app.requests)
    h2 = frames(shared)
    a = h2.answer(h2.open(MALFORMED[case]))
    assert a.reset == PROTOCOL_ERROR or a.status == 400, a
    assert len(shared.app.requests) == seen
    assert h2.request("/").body == b"hello\n", "the connection goes on"


def test_connect_is_not_implemented(shared):
    h2 = frames(shared)
    a = h2.answer(h2.open([(":method", "CONNECT"), (":authority", "localhost:443")], end=False))
    assert a.status in (501, 405) or a.reset is not None
    assert h2.request("/").status == 200


@pytest.mark.parametrize("declared, sent", [(5, b"hell"), (5, b"hello!"), (5, b""), (0, b"x")])
def test_body_that_is_not_as_long_as_declared(shared, declared, sent):
    h2 = frames(shared)
    s = h2.new_stream()
    head = h2.block(h2.head("/app/cut", "POST", [("content-length", str(declared))]))
    h2.send(frame(HEADERS, END_HEADERS, s, head) + frame(DATA, END_STREAM, s, sent))
    a = h2.answer(s)
    assert a.reset == PROTOCOL_ERROR, a
    assert h2.request("/").status == 200


@pytest.mark.parametrize("fields", [[(":path", "/x")], [("x\r\ny", "z")], [("x", "a\nb")], [("Connection", "x")]])
def test_malformed_trailers(shared, fields):
    h2 = frames(shared)
    s = h2.open(h2.head("/app/trailers", "POST"), end=False)
    h2.data(s, b"x")
    h2.send(frame(HEADERS, END_HEADERS | END_STREAM, s, h2.block(fields)))
    assert h2.answer(s).reset is not None
    assert h2.request("/").status == 200


# ---- broken frames: the connection ends with the right word ----

BROKEN = {
    "stream 0 has no head": (frame(HEADERS, END_HEADERS | END_STREAM, 0, b"\x82"), {PROTOCOL_ERROR}),
    "even stream": (frame(HEADERS, END_HEADERS | END_STREAM, 2, b"\x82"), {PROTOCOL_ERROR}),
    "data on stream 0": (frame(DATA, 0, 0, b"x"), {PROTOCOL_ERROR}),
    "data on an idle stream": (frame(DATA, 0, 7, b"x"), {PROTOCOL_ERROR, STREAM_CLOSED}),
    "reset of an idle stream": (frame(RST_STREAM, 0, 7, bytes(4)), {PROTOCOL_ERROR}),
    "window of an idle stream": (frame(WINDOW_UPDATE, 0, 7, b"\0\0\0\1"), {PROTOCOL_ERROR}),
    "push by a client": (frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2\x82"), {PROTOCOL_ERROR}),
    "continuation of nothing": (frame(CONTINUATION, END_HEADERS, 1, b"\x82"), {PROTOCOL_ERROR}),
    "another frame within a head": (frame(HEADERS, 0, 1, b"\x82") + frame(PING, 0, 0, bytes(8)), {PROTOCOL_ERROR}),
    "settings with a wrong length": (frame(SETTINGS, 0, 0, bytes(5)), {FRAME_SIZE_ERROR}),
    "settings on a stream": (frame(SETTINGS, 0, 1, b""), {PROTOCOL_ERROR}),
    "acknowledgement with a payload": (frame(SETTINGS, 1, 0, bytes(6)), {FRAME_SIZE_ERROR}),
    "window over 2^31 by settings": (frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31)), {FLOW_CONTROL_ERROR}),
    "frame size under 16 KB": (frame(SETTINGS, 0, 0, struct.pack(">HI", 5, 100)), {PROTOCOL_ERROR}),
    "push switched to 2": (frame(SETTINGS, 0, 0, struct.pack(">HI", 2, 2)), {PROTOCOL_ERROR}),
    "ping of 7 bytes": (frame(PING, 0, 0, bytes(7)), {FRAME_SIZE_ERROR}),
    "ping on a stream": (frame(PING, 0, 1, bytes(8)), {PROTOCOL_ERROR}),
    "window of the connection by 0": (frame(WINDOW_UPDATE, 0, 0, bytes(4)), {PROTOCOL_ERROR}),
    "window of the connection over 2^31": (frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"), {FLOW_CONTROL_ERROR}),
    "window update of 3 bytes": (frame(WINDOW_UPDATE, 0, 0, bytes(3)), {FRAME_SIZE_ERROR}),
    "frame over 16 KB": (frame(DATA, 0, 1, bytes(16385)), {FRAME_SIZE_ERROR}),
    "padding longer than the frame": (frame(HEADERS, END_HEADERS | 0x8, 1, b"\x09\x82"), {PROTOCOL_ERROR}),
    "undecodable head": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff\xff"), {COMPRESSION_ERROR}),
    "index beyond the table": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xfe"), {COMPRESSION_ERROR}),
    "table made larger than allowed": (frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x3f\xe1\xff\x03\x82"), {COMPRESSION_ERROR}),
    "goaway on a stream": (frame(GOAWAY, 0, 1, bytes(8)), {PROTOCOL_ERROR}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_frame(shared, case):
    data, codes = BROKEN[case]
    h2 = frames(shared)
    h2.send(data)
    away = h2.to_end()
    assert away is not None and away.code in codes, (away, away and away.code)


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", bytes(24), PREFACE[:-1] + b"x",
                                   PREFACE + frame(PING, 0, 0, bytes(8))])
def test_connection_that_does_not_begin_as_http2(shared, start):
    link = shared.tls(alpn=["h2"])
    link.send(start)
    while link.sock.recv(65536):
        pass


# ---- resets ----

def test_rapid_reset(watched):
    """CVE-2023-44487: open and reset, without end. The work is bounded, the connection is ended."""
    asked = watched.metrics()["port443_upstream_requests_total"]
    h2 = frames(watched)
    for i in range(200):
        batch = b""
        for _ in range(50):
            s = h2.new_stream()
            batch += frame(HEADERS, END_HEADERS | END_STREAM, s, h2.block(h2.head("/app/rapid")))
            batch += frame(RST_STREAM, 0, s, struct.pack(">I", CANCEL))
        if not h2.send(batch):
            break
    assert i < 199 or h2.to_end() is not None
    away = h2.to_end()
    assert away is None or away.code == ENHANCE_YOUR_CALM
    assert watched.metrics()["port443_upstream_requests_total"] - asked < 1000


PROVOKED = {
    "window of a stream by 0": lambda s: frame(WINDOW_UPDATE, 0, s, bytes(4)),
    "window of a stream over 2^31": lambda s: frame(WINDOW_UPDATE, 0, s, b"\x7f\xff\xff\xff") * 2,
    "data behind the end": lambda s: frame(DATA, 0, s, b"x"),
    "head behind the end": lambda s: frame(HEADERS, END_HEADERS | END_STREAM, s, b"\x82"),
    "priority on itself": lambda s: frame(PRIORITY, 0, s, struct.pack(">IB", s, 0)),
    "priority of 4 bytes": lambda s: frame(PRIORITY, 0, s, bytes(4)),
    "malformed head": None,
    "length that lies": None,
}


@pytest.mark.parametrize("case", PROVOKED)
def test_made_you_reset(watched, case):
    """CVE-2025-8671: the server is made to reset streams whose work goes on. Counts like resets of the client's own."""
    asked = watched.metrics()["port443_upstream_requests_total"]
    h2 = frames(watched)
    for i in range(3000):
        s = h2.new_stream()
        if case == "malformed head":
            data = frame(HEADERS, END_HEADERS | END_STREAM, s, h2.block(h2.head("/app") + [("Upper", "x")]))
        elif case == "length that lies":
            data = frame(HEADERS, END_HEADERS, s, h2.block(h2.head("/app", "POST", [("content-length", "9")])))
            data += frame(DATA, END_STREAM, s, b"x")
        else:
            data = frame(HEADERS, END_HEADERS | END_STREAM, s, h2.block(h2.head("/app/provoked"))) + PROVOKED[case](s)
        if not h2.send(data):
            break
        if case.startswith("priority") and i == 300:
            break
    if case == "priority on itself":
        h2.sock.settimeout(5)
        assert h2.pong() or h2.goaway is not None
        return
    away = h2.to_end()
    assert i < 2999 or away is not None
    assert away is None or away.code != 0
    assert watched.metrics()["port443_upstream_requests_total"] - asked < 1000


def test_more_streams_than_allowed_are_refused(watched):
    h2 = frames(watched, windows=False, settings=[(4, 0)])
    for _ in range(101):
        h2.get("/big")
    assert h2.answer(201).reset == REFUSED_STREAM
    assert [s for s, a in h2.streams.items() if a.reset is not None] == [201]


# ---- floods ----

def flood(h2, data, times, most=400):
    """Sends until the server ends it; the error it gave. The answer to one who goes on regardless may be lost in a TCP
    reset, for what comes behind it is not read without end."""
    for _ in range(most):
        if not h2.send(data * times):
            break
    else:
        h2.to_end()
        assert h2.goaway is not None
    away = h2.to_end()
    return away.code if away else ENHANCE_YOUR_CALM


FLOODS = {
    "ping": frame(PING, 0, 0, bytes(8)),
    "settings": frame(SETTINGS, 0, 0, b""),
    "settings with values": frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1000)),
    "acknowledgements": frame(SETTINGS, 1, 0, b""),
    "priority": frame(PRIORITY, 0, 1, struct.pack(">IB", 3, 0)),
    "unknown frames": frame(0xFA, 0, 0, b""),
    "window updates": frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1"),
    "goaway": frame(GOAWAY, 0, 0, bytes(8)),
}


@pytest.mark.parametrize("case", FLOODS)
def test_flood(watched, case):
    h2 = frames(watched)
    assert flood(h2, FLOODS[case], 200) in (ENHANCE_YOUR_CALM, PROTOCOL_ERROR)


def test_flood_of_empty_data(watched):
    h2 = frames(watched)
    s = h2.open(h2.head("/app/empty", "POST"), end=False)
    assert flood(h2, frame(DATA, 0, s, b""), 200) == ENHANCE_YOUR_CALM


def test_flood_of_pings_by_one_who_does_not_read(watched):
    """CVE-2019-9512: answers pile up."""
    link = watched.tls(alpn=["h2"], receive_bytes=4096)
    h2 = FrameClient(link)
    h2.sock.settimeout(1)
    for _ in range(2000):
        try:
            if not h2.send(frame(PING, 0, 0, bytes(8)) * 500):
                break
        except TimeoutError:
            break
    wait_for(lambda: watched.metrics()["port443_connections_open"] == 0 or not alive(h2), "the flooder to be cut")


def alive(h2):
    h2.sock.settimeout(0.2)
    try:
        return h2.take() is not None
    except TimeoutError:
        return True


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_continuation_flood(watched, size):
    """CVE-2024-27316: a head without end; also one of empty frames."""
    h2 = frames(watched)
    h2.send(frame(HEADERS, END_STREAM, h2.new_stream(), h2.block(h2.head())))
    piece = (b"\x00\x01x\x7f\x69\x07" + b"y" * 240) * 4 if size == 1000 else b"\x90"[:size]
    start = time.monotonic()
    assert flood(h2, frame(CONTINUATION, 0, 1, piece), 100) in (ENHANCE_YOUR_CALM, COMPRESSION_ERROR, PROTOCOL_ERROR)
    assert time.monotonic() - start < 5


def bomb(h2, tail, n):
    """A value put into the table once, then named n times, by one byte each."""
    big = h2.block(h2.head()) + b"\x40\x01x" + b"\x7f\xa1\x1e" + b"y" * 4000
    h2.send(frame(HEADERS, END_HEADERS | END_STREAM, h2.new_stream(), big))
    block = h2.block(h2.head()) + tail * n
    return h2.send(frame(HEADERS, END_HEADERS | END_STREAM, h2.new_stream(), block[:16000]))


def test_hpack_bomb(watched):
    """CVE-2016-6581: kilobytes of head stand for 60 MB of fields."""
    h2 = frames(watched)
    for _ in range(50):
        if not bomb(h2, b"\xbe", 15000):
            break
    h2.to_end(3)
    assert h2.goaway is None or h2.goaway.code == ENHANCE_YOUR_CALM
    assert all(a.status in (None, 200, 431) for a in h2.streams.values())


def test_hundred_thousand_cookie_crumbs(watched):
    """Each crumb is a field and costs memory, although they become one line."""
    h2 = frames(watched)
    for _ in range(7):
        s = h2.new_stream()
        if not h2.send(frame(HEADERS, END_HEADERS | END_STREAM, s, h2.block(h2.head()) + b"\x60\x03a=1" + b"\xbe" * 15000)):
            break
    away = h2.to_end(3)
    assert away is None or away.code == ENHANCE_YOUR_CALM


def test_head_over_the_limit_is_answered(watched):
    h2 = frames(watched)
    assert h2.request("/", fields=[("x", "y" * 4000)] * 9).status == 431
    assert h2.request("/", fields=[(f"x{i}", "y") for i in range(120)]).status == 431
    assert h2.request("/" + "x" * 17000).status in (414, 431)
    assert h2.request("/").body == b"hello\n"


def test_zero_windows_hold_little(watched):
    """CVE-2019-9517: many answers asked for, none taken."""
    for _ in range(10):
        h2 = frames(watched, windows=False, settings=[(4, 0)])
        for _ in range(100):
            h2.get("/big")
        assert h2.pong()


def test_tiny_windows_make_no_endless_frames(watched):
    """CVE-2019-9511: a byte at a time."""
    h2 = frames(watched, windows=False, settings=[(4, 0)])
    s = h2.get("/big")
    assert flood(h2, frame(WINDOW_UPDATE, 0, s, b"\0\0\0\1"), 200, 100) == ENHANCE_YOUR_CALM


def test_client_vanishes_in_every_state(watched):
    for data in (b"", frame(HEADERS, 0, 1, b"\x82"), frame(HEADERS, END_HEADERS, 1, b"\x82\x87"), frame(DATA, 0, 1, b"x")[:5]):
        h2 = frames(watched)
        h2.send(data)
        if not data:
            h2.get("/big")
        h2.sock.close()
    for _ in range(20):
        h2 = frames(watched)
        h2.get("/big")
        h2.get("/app")
        watched.links[-1].reset()
