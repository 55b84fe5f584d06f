# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""HTTP/2 as clients speak it: many streams, both flow controls, trailers, cookies, the end by GOAWAY; real programs."""

import hashlib
import json
import random
import subprocess
import threading

import pytest

from lib.h2frames import (CANCEL, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, PADDED,
                          CONTINUATION, SETTINGS, FrameClient, frame)
from lib.proc import rss_kib
from lib.shared import shared_server
from lib.wait import wait_for

CONFIG = """
sites:
  localhost:
    routes:
      - {path: /app, proxy: "{app}"}
      - {path: /, root: "{www}"}
"""
BIG = random.Random(443).randbytes(5 << 20)
SUM = hashlib.sha256(BIG).hexdigest()


def count(call, n):
    """Reads n bytes and forgets them."""
    left = n - len(call.reader.buffer)
    call.reader.buffer = b""
    while left:
        left -= len(call.sock.recv(min(left, 1 << 20))) or left
    return n


def tell(call):
    """/app/trailers: an answer with a trailer; /app/hold: waits until the scenario lets it go; else what was asked."""
    while head := call.read_head():
        method, target, fields = head
        if target == "/app/unread":
            call.wait(call.upstream.let_go)
            call.answer(str(count(call, int(fields["content-length"]))))
            continue
        chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        body, trailers = call.reader.chunks() if chunked else (call.read_body(fields), None)
        if target == "/app/trailers":
            call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\nX-Two: 2\r\n\r\n")
            continue
        if target.startswith("/app/hold"):
            call.wait(call.upstream.let_go)
        told = {"method": method, "target": target, "fields": fields.lines, "n": len(body),
                "sum": hashlib.sha256(body).hexdigest(), "trailers": trailers.lines if trailers else []}
        call.answer(json.dumps(told), method=method)


@pytest.fixture(scope="module", name="shared")
def fixture_shared():
    with shared_server(CONFIG, script=tell, files={"index.html": "hello\n", "big": BIG}) as s:
        s.app.let_go = threading.Event()
        yield s
        s.app.let_go.set()


def frames(shared, **how):
    receive_bytes = how.pop("receive_bytes", 0)
    return FrameClient(shared.tls(alpn=["h2"], receive_bytes=receive_bytes), **how)


def test_hundred_streams_at_once_each_gets_its_own_answer(shared):
    h2 = frames(shared)
    streams = {h2.get(f"/app/{i}" if i % 2 else "/"): i for i in range(100)}
    for stream, i in streams.items():
        answer = h2.answer(stream)
        assert answer.status == 200
        if i % 2:
            assert json.loads(answer.body)["target"] == f"/app/{i}"
        else:
            assert answer.body == b"hello\n"


def test_slow_stream_does_not_hold_others(shared):
    shared.app.let_go.clear()
    h2 = frames(shared)
    held = h2.get("/app/hold")
    for _ in range(20):
        assert h2.request("/").body == b"hello\n"
    shared.app.let_go.set()
    assert h2.answer(held).status == 200


def test_download_interleaves_streams(shared):
    h2 = frames(shared)
    streams = [h2.get("/big") for _ in range(4)]
    order = []
    while not all(h2.streams[s].ended for s in streams):
        f = h2.take()
        if f.kind == DATA:
            order.append(f.stream)
    assert all(hashlib.sha256(h2.streams[s].body).hexdigest() == SUM for s in streams)
    last_of_first = max(i for i, s in enumerate(order) if s == streams[0])
    assert min(i for i, s in enumerate(order) if s == streams[3]) < last_of_first


def test_no_byte_beyond_the_stream_window(shared):
    h2 = frames(shared, windows=False, settings=[(INITIAL_WINDOW_SIZE, 1000)])
    s = h2.get("/big")
    a = h2.streams[s]
    while len(a.body) < 1000:
        assert h2.take()
    assert h2.pong() and len(a.body) == 1000, "stalled"
    h2.window(s, 1)
    while len(a.body) < 1001:
        assert h2.take()
    assert h2.pong(b"again---") and len(a.body) == 1001
    h2.window(s, 70000)
    while len(a.body) < 65535:
        assert h2.take()
    assert h2.pong(b"third---") and len(a.body) == 65535, "the connection's window is shut now"
    h2.reset(s)
    h2.window(0, 100000)
    assert h2.request("/").body == b"hello\n"


def test_window_made_smaller_by_settings(shared):
    h2 = frames(shared, windows=False, settings=[(INITIAL_WINDOW_SIZE, 20000)])
    s = h2.get("/big")
    while len(h2.streams[s].body) < 20000:
        assert h2.take()
    h2.send(frame(SETTINGS, payload=b"\0\4\0\0\x27\x10"))
    h2.window(s, 5000)  # of minus 10000: still shut
    assert h2.pong() and len(h2.streams[s].body) == 20000
    h2.window(s, 5001)
    assert h2.pong(b"again---")
    while len(h2.streams[s].body) < 20001:
        assert h2.take()


def test_upload_is_held_back_by_an_upstream_that_does_not_read(shared):
    """The window is what the server promises to hold: it stays shut until the upstream takes bytes."""
    shared.app.let_go.clear()
    worker = shared.worker_pids()[0]
    before = rss_kib(worker)
    with shared.h2() as h2:
        sent, total = 0, 32 << 20
        stream = h2.start("/app/unread", "POST", end=False, fields=[("content-length", str(total))])
        h2.sock.settimeout(0.5)
        try:
            while sent < total:
                sent += send_some(h2, stream, total - sent)
        except TimeoutError:
            pass
        assert sent < 16 << 20, "nobody read, and yet it all went"
        assert rss_kib(worker) - before < 4096
        assert shared.curl("/").status == 200
        shared.app.let_go.set()
        h2.sock.settimeout(10)
        while sent < total:
            sent += send_some(h2, stream, total - sent)
        h2.data(stream, b"", end=True)
        assert h2.response(stream).text == str(total)


def send_some(h2, stream, most):
    """As much as the windows allow at once."""
    room = min(h2.conn.local_flow_control_window(stream), most)
    if room <= 0:
        h2.pump()
        return 0
    h2.data(stream, bytes(room))
    return room


def test_upload_of_many_streams(shared):
    with shared.h2() as h2:
        streams = [h2.start("/app", "POST", end=False) for _ in range(8)]
        for at in range(0, 1 << 20, 65536):
            for s in streams:
                h2.data(s, BIG[at:at + 65536], end=at + 65536 == 1 << 20)
        for s in streams:
            assert h2.response(s).json()["sum"] == hashlib.sha256(BIG[:1 << 20]).hexdigest()


def test_trailers_both_ways(shared):
    h2 = frames(shared)
    s = h2.open(h2.head("/app", "POST", [("te", "trailers")]), end=False)
    h2.data(s, b"hello")
    h2.send(frame(HEADERS, END_HEADERS | END_STREAM, s, h2.block([("x-sum", "7"), ("authorization", "x"), ("host", "y")])))
    told = json.loads(h2.answer(s).body)
    assert told["n"] == 5 and told["trailers"] == [["x-sum", "7"]]
    answer = h2.request("/app/trailers")
    assert (answer.body, answer.trailers) == (b"hello", [("x-sum", "7"), ("x-two", "2")])


def test_cookie_crumbs_become_one_field(shared):
    h2 = frames(shared)
    told = json.loads(h2.request("/app", fields=[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")]).body)
    assert [v for k, v in told["fields"] if k.lower() == "cookie"] == ["a=1; b=2; c=3"]


def test_what_the_upstream_sees(shared):
    h2 = frames(shared)
    told = json.loads(h2.request("/app?q", "PUT", [("x-a", "1"), ("te", "trailers")], body=b"abc", host="LOCALHOST.:443").body)
    fields = {k.lower(): v for k, v in told["fields"]}
    assert (told["method"], told["target"], told["n"]) == ("PUT", "/app?q", 3)
    assert fields["host"].split(":")[0] == "localhost" and fields["x-forwarded-proto"] == "https" and fields["x-a"] == "1"
    assert fields["via"].startswith("2") and not {"te", ":path", "connection"} & set(fields) - {"connection"}


def test_no_connection_fields_in_answers(shared):
    h2 = frames(shared)
    for path in ("/", "/app", "/app/trailers", "/none"):
        names = [n for n, _ in h2.request(path).fields]
        assert not {"connection", "transfer-encoding", "keep-alive", "upgrade"} & set(names)
        assert names.count("date") == 1 and all(n == n.lower() for n in names)


def test_head_and_expect(shared):
    h2 = frames(shared)
    answer = h2.request("/big", "HEAD")
    assert (answer["content-length"], answer.body) == (str(len(BIG)), b"")
    s = h2.open(h2.head("/app", "POST", [("expect", "100-continue")]), end=False)
    while not h2.streams[s].informed:
        assert h2.take()
    h2.data(s, b"hello", end=True)
    assert json.loads(h2.answer(s).body)["n"] == 5 and h2.streams[s].informed == [100]


def test_padding_priority_continuation_and_unknown_frames(shared):
    h2 = frames(shared)
    block = h2.block(h2.head("/app", "POST"))
    s = h2.new_stream()
    h2.send(frame(HEADERS, PADDED | 0x20, s, b"\x05" + b"\0\0\0\0\x10" + block[:3] + bytes(5)))
    h2.send(frame(CONTINUATION, 0, s, block[3:4]) + frame(CONTINUATION, END_HEADERS, s, block[4:]))
    h2.send(frame(0xFA, 0xFF, 0, b"unknown") + frame(0xFA, 0, s, b""))
    h2.send(frame(DATA, PADDED, s, b"\xff" + b"hello" + bytes(255)) + frame(DATA, PADDED | END_STREAM, s, b"\0"))
    assert json.loads(h2.answer(s).body)["n"] == 5


def test_ping_and_settings_are_answered(shared):
    h2 = frames(shared)
    assert h2.pong(b"12345678")
    h2.send(frame(SETTINGS, payload=b"\0\x63\0\0\0\1"))  # unknown: ignored
    wait_for(lambda: h2.take() and h2.acks >= 2, "both SETTINGS to be acknowledged")


def test_reset_of_a_request_reaches_the_upstream(shared):
    shared.app.let_go.clear()
    h2 = frames(shared)
    s = h2.get("/app/hold?reset")
    wait_for(lambda: any(r[1] == "/app/hold?reset" for r in shared.app.requests), "the request at the upstream")
    h2.reset(s, CANCEL)
    row = shared.access.wait(target="/app/hold?reset")
    assert row["status"] in (0, 499), row
    assert h2.request("/").status == 200
    shared.app.let_go.set()


def test_client_goaway_lets_streams_end(shared):
    shared.app.let_go.clear()
    h2 = frames(shared)
    s = h2.get("/app/hold")
    h2.send(frame(GOAWAY, payload=bytes(8)))
    assert h2.pong()
    shared.app.let_go.set()
    assert h2.answer(s).status == 200


def test_stop_announces_goaway_and_finishes_streams(server, site, upstream):
    app = upstream(tell)
    app.let_go = threading.Event()
    s = server(f"sites:\n  localhost:\n    routes: [{{path: /app, proxy: '{app.url}'}}, {{path: /, root: {site}}}]\n")
    h2 = FrameClient(s.tls(alpn=["h2"]))
    idle = FrameClient(s.tls(alpn=["h2"]))
    assert idle.request("/").status == 200
    held = h2.get("/app/hold")
    wait_for(lambda: app.requests, "the request at the upstream")
    s.signal(15)
    while h2.goaway is None:
        assert h2.take()
    assert h2.goaway.code == 0
    app.let_go.set()
    assert h2.answer(held).status == 200
    assert h2.to_end().code == 0 and idle.to_end().code == 0
    assert s.ended() == 0


@pytest.mark.parametrize("words", [["nghttp", "-v", "--no-verify-peer"], ["curl", "-sk", "--http2", "-v"]])
def test_real_clients(shared, words):
    done = subprocess.run([*words, f"https://localhost:{shared.https_port}/"], check=False, capture_output=True, timeout=10)
    assert done.returncode == 0 and b"hello\n" in done.stdout, done.stderr


def test_h2load_gets_every_answer(shared):
    done = subprocess.run(["h2load", "-n20000", "-c8", "-m16", f"https://localhost:{shared.https_port}/"],
                          check=False, capture_output=True, timeout=60, text=True)
    assert "20000 succeeded, 0 failed, 0 errored" in done.stdout, done.stdout + done.stderr

