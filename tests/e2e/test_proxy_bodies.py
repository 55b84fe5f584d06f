# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Bodies through the proxy: streaming with bounded memory, interim answers, trailers, early ends."""

import hashlib
import os
import threading

import pytest
from lib.http import Ended
from lib.wait import wait_for

MB = 1 << 20
BIG = 100 * MB
BLOCK = os.urandom(MB)
GROWTH_MAX = 24 * MB  # of a worker, while bodies of BIG pass
# A sanitizer keeps what was freed for a while: that is not the server's memory.
ENV = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}


def big_digest():
    digest = hashlib.sha256()
    for _ in range(BIG // MB):
        digest.update(BLOCK)
    return digest.hexdigest()


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        (line,) = [row for row in f if row.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


class Watch:
    """The largest resident size of a process seen while it runs."""

    def __init__(self, pid):
        self.pid, self.before, self.most, self.over = pid, rss(pid), 0, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.over.wait(0.02):
            self.most = max(self.most, rss(self.pid))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.most = max(self.most, rss(self.pid))

    @property
    def growth(self):
        return self.most - self.before


def bulk(call):
    """GET: BIG bytes (chunked for /chunked). POST: the digest of what came."""
    while head := call.read_head():
        method, target, fields = head
        if method == "GET":
            chunked = target == "/chunked"
            call.send("HTTP/1.1 200 OK\r\n" + ("Transfer-Encoding: chunked" if chunked else f"Content-Length: {BIG}") + "\r\n\r\n")
            for _ in range(BIG // MB):
                call.sock.sendall(b"%x\r\n%s\r\n" % (MB, BLOCK) if chunked else BLOCK)
            if chunked:
                call.send("0\r\n\r\n")
            continue
        digest, left = hashlib.sha256(), int(fields.get("content-length", "-1"))
        if left < 0:
            left = None
        first, call.reader.buffer = call.reader.buffer, b""
        while left is None or left > 0:
            if left is None:
                call.reader.buffer += first
                size = int(call.reader.until(b"\r\n"), 16)
                first = b""
                data = call.reader.exactly(size)
                call.reader.exactly(2)
                if size == 0:
                    break
            else:
                data, first = first or call.sock.recv(MB), b""
                left -= len(data)
            digest.update(data)
        call.answer(digest.hexdigest())


@pytest.fixture(name="bulky")
def fixture_bulky(server, upstream, tmp_path):
    blob = tmp_path / "blob"
    with open(blob, "wb") as f:
        for _ in range(BIG // MB):
            f.write(BLOCK)
    s = server(f'limits: {{body_bytes: 0}}\nsites: {{localhost: {{proxy: "{upstream(bulk).url}"}}}}', env=ENV)
    s.blob = blob
    return s


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2"])
def test_100_mb_both_ways_in_bounded_memory(bulky, protocol):
    s = bulky
    (pid,) = s.worker_pids()
    expected = big_digest()
    s.curl("/", protocol, "-X", "POST", "-d", "warm")
    with Watch(pid) as watch:
        for path in ("/length", "/chunked"):
            answer = s.curl(path, protocol)
            assert answer.exit == 0 and hashlib.sha256(answer.body).hexdigest() == expected
        for more in ((), ("-H", "Transfer-Encoding: chunked")) if protocol == "--http1.1" else ((),):
            answer = s.curl("/", protocol, "-T", str(s.blob), *more)
            assert (answer.exit, answer.text) == (0, expected)
    assert watch.growth < GROWTH_MAX, watch.growth


def test_slow_reader_stops_the_upstream(server, upstream):
    """A client that takes nothing: the upstream's writes stall instead of filling the worker."""
    sent = [0]

    def script(call):
        call.read_head()
        call.send(f"HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n")
        for _ in range(BIG // MB):
            call.sock.sendall(BLOCK)
            sent[0] += MB
    s = server([f"localhost={upstream(script).url}"], env=ENV)
    (pid,) = s.worker_pids()
    for client in ("h1", "h2"):
        sent[0] = 0
        before = rss(pid)
        if client == "h1":
            slow = s.tls(receive_bytes=4096)
            slow.request()
        else:
            slow = s.h2()
            slow.auto_window = False
            slow.start()
            while slow.conn.remote_flow_control_window(1) < 0:
                slow.pump()
        last = [-1]

        def stalled():
            was, last[0] = last[0], sent[0]
            return was == sent[0] and threading.Event().wait(0.3) is False and sent[0] == was
        wait_for(stalled, "the upstream to stall", 10)
        assert sent[0] < BIG // 2, sent
        assert rss(pid) - before < GROWTH_MAX
        slow.close()


def test_slow_upstream_stops_the_client(server, upstream):
    """An upstream that takes nothing of the body: the client's writes stall."""
    s = server(f"""
limits: {{body_bytes: 0}}
sites: {{localhost: {{proxy: "{upstream(lambda call: call.read_head() and threading.Event().wait(8)).url}"}}}}""", env=ENV)
    (pid,) = s.worker_pids()
    before = rss(pid)
    link = s.tls()
    link.send(f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BIG}\r\n\r\n")
    link.sock.settimeout(0.7)
    sent = 0
    with pytest.raises(OSError):
        while sent < BIG:
            link.send(BLOCK[:65536])
            sent += 65536
    assert sent < BIG // 2
    assert rss(pid) - before < GROWTH_MAX


def test_body_one_byte_at_a_time(server, upstream):
    app = upstream()
    s = server([f"localhost={app.url}"])
    link = s.tls()
    link.drip(b"POST /drip HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    assert link.response().json()["body"] == "abcdefg"
    assert link.get().status == 200


def test_answer_one_byte_at_a_time(server, upstream):
    def script(call):
        while call.read_head():
            call.drip(b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nX-T: u\r\n\r\n")
    s = server([f"localhost={upstream(script).url}"])
    for client in (s.tls(), s.h2()):
        answer = client.get()
        assert answer.text == "abcd" and answer.headers["x-a"] == "b" and answer.trailers.all("x-t") == ["u"]


def test_bytes_pass_as_they_come(server, upstream):
    """Events of a stream reach the client before the answer is over, and parts of a body the upstream."""
    go = threading.Event()

    def script(call):
        _, _, fields = call.read_head()
        call.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        first = call.reader.exactly(5) if "content-length" in fields else b"hello"
        call.send(b"5\r\n" + first + b"\r\n")
        call.wait(go)
        call.send("0\r\n\r\n")
    s = server([f"localhost={upstream(script).url}"])
    link = s.tls()
    link.send("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfirst")
    link.reader.head()
    assert link.reader.exactly(10) == b"5\r\nfirst\r\n"
    client = s.h2()
    stream = client.start("/events")
    wait_for(lambda: client.bodies.get(stream) == b"hello" or (client.pump() and None), "the first event")
    go.set()
    assert client.response(stream).text == "hello"


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_trailers_both_ways(server, upstream, protocol):
    def script(call):
        while call.read_head():
            body, trailers = call.reader.chunks()
            call.upstream.trailers = trailers
            call.send(b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n" + body + b"\r\n0\r\n"
                      b"X-Sum: 9\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n\r\n")
    app = upstream(script)
    s = server([f"localhost={app.url}"])
    if protocol == "h1":
        link = s.tls()
        link.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTrailer: X-Up\r\n\r\n"
                  b"4\r\nbody\r\n0\r\nX-Up: 7\r\nAuthorization: evil\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
        answer = link.response()
    else:
        client = s.h2()
        stream = client.start(method="POST", end=False)
        client.data(stream, b"body")
        client.conn.send_headers(stream, [("x-up", "7"), ("authorization", "evil"), ("x-forwarded-for", "6.6.6.6")],
                                 end_stream=True)
        client.flush()
        answer = client.response(stream)
    assert answer.text == "body"
    assert answer.trailers.all("x-sum") == ["9"] and "content-length" not in answer.trailers
    assert app.trailers.all("x-up") == ["7"]
    assert "authorization" not in app.trailers and "x-forwarded-for" not in app.trailers


def test_early_hints_reach_the_client(server, upstream):
    def script(call):
        while call.read_head():
            call.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
            call.answer("page")
    s = server([f"localhost={upstream(script).url}"])
    link = s.tls()
    hint = link.get()
    assert (hint.status, hint.headers["link"]) == (103, "</a.css>; rel=preload")
    assert link.response().text == "page"
    client = s.h2()
    stream = client.start()
    assert client.response(stream).text == "page"
    (hint,) = client.find("InformationalResponseReceived", stream)
    assert dict(hint.headers)["link"] == "</a.css>; rel=preload" and dict(hint.headers)[":status"] == "103"
    old = s.tls()
    old.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert old.response().status == 200


def test_continue_end_to_end(server, upstream):
    def script(call):
        while head := call.read_head():
            assert "expect" not in head[2]
            call.send("HTTP/1.1 100 Continue\r\n\r\n")
            call.answer(call.read_body(head[2]))
    s = server([f"localhost={upstream(script).url}"])
    link = s.tls()
    link.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert link.response().status == 100
    link.send("hello")
    answer = link.response()
    assert (answer.status, answer.text) == (200, "hello")  # and no second 100


def test_head_204_304(server, upstream):
    def script(call):
        while head := call.read_head():
            kind = head[1]
            if kind == "/head":
                call.send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
            elif kind == "/chunked":
                call.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            else:
                call.send(f"HTTP/1.1 {kind[1:]} Fine\r\nETag: \"x\"\r\n\r\n")
    app = upstream(script)
    s = server([f"localhost={app.url}"])
    link, client = s.tls(), s.h2()
    answer = link.get("/head", method="HEAD")
    assert answer.headers["content-length"] == "1234"
    answer = client.get("/head", method="HEAD")
    assert answer.headers["content-length"] == "1234" and answer.body == b""
    assert link.get("/chunked", method="HEAD").status == client.get("/chunked", method="HEAD").status == 200
    for status in (204, 304):
        answer = link.get(f"/{status}")
        assert answer.status == status and "content-length" not in answer.headers and answer.headers["etag"] == '"x"'
        answer = client.get(f"/{status}")
        assert (answer.status, answer.body) == (status, b"")
    assert app.connections == 1  # every one of them ended where it should


def early(call):
    """Answers 413 before the body is read, as applications do, and hangs up."""
    call.read_head()
    call.answer("too much", "413 Content Too Large", fields=[("Connection", "close")])
    call.reader.exactly(1)


def test_early_answer_while_the_upload_goes_on(server, upstream):
    s = server(f'limits: {{body_bytes: 0}}\nsites: {{localhost: {{proxy: "{upstream(early).url}"}}}}')
    link = s.tls()
    link.send(f"POST /h1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10 * MB}\r\n\r\n")
    link.send(BLOCK[:70000])
    answer = link.response()
    assert (answer.status, answer.text) == (413, "too much") and answer.headers["connection"] == "close"
    client = s.h2()
    stream = client.start("/h2", method="POST", end=False)
    client.data(stream, BLOCK[:30000])
    answer = client.response(stream)
    assert (answer.status, answer.text) == (413, "too much")
    assert client.get("/h2", method="HEAD").status == 413
    answer = s.curl("/curl", "--http1.1", "--data-binary", "@/proc/self/exe")
    assert answer.status == 413, answer.stderr


def test_connection_with_half_a_request_is_not_reused(server, upstream):
    """The upstream would take the next request for the rest of this one's body."""
    def script(call):
        while head := call.read_head():
            call.answer(f"{head[0]} on {call.upstream.connections}")
            if head[0] == "POST":
                call.reader.rest()
    app = upstream(script)
    s = server([f"localhost={app.url}"])
    client = s.h2()
    stream = client.start(method="POST", end=False, fields=[("content-length", "100")])
    client.data(stream, b"GET /evil HTTP/1.1\r\n")
    assert client.response(stream).text == "POST on 1"
    assert client.get().text == "GET on 2"
    link = s.tls()
    link.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nGET /evil HTTP/1.1\r\n")
    assert link.response().text.startswith("POST on")
    assert s.tls().get().text == f"GET on {app.connections}"
    assert [m for m, _, _ in app.requests].count("GET") == 2


def test_early_answer_then_the_rest_is_taken(server, upstream):
    """An upstream that answers first and reads the body later: both directions go on."""
    def script(call):
        _, _, fields = call.read_head()
        call.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        body = call.read_body(fields)
        call.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    s = server([f"localhost={upstream(script).url}"])
    client = s.h2()
    stream = client.start(method="POST", end=False, fields=[("content-length", "10")])
    wait_for(lambda: client.bodies.get(stream) == b"first" or (client.pump() and None), "the early part")
    client.data(stream, b"x" * 10, end=True)
    assert client.response(stream).body == b"first" + b"x" * 10
    link = s.tls()
    link.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
    _, fields = link.reader.head()
    assert fields["transfer-encoding"] == "chunked"
    assert link.reader.exactly(10) == b"5\r\nfirst\r\n"
    link.send(b"y" * 100000)
    body, _ = link.reader.chunks()
    assert body == b"y" * 100000


def test_upload_cut_by_the_client_is_cut_upstream(server, upstream):
    seen, asked = [], threading.Semaphore(0)

    def script(call):
        _, _, fields = call.read_head()
        asked.release()
        try:
            call.read_body(fields)
            seen.append("whole")
        except (Ended, OSError):
            seen.append("cut")
    s = server([f"localhost={upstream(script).url}"])
    for framing in ("Content-Length: 100\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"):
        link = s.tls()
        link.send(f"POST / HTTP/1.1\r\nHost: localhost\r\n{framing}")
        assert asked.acquire(timeout=5)
        link.close()
    client = s.h2()
    stream = client.start(method="POST", end=False)
    client.data(stream, b"hello")
    assert asked.acquire(timeout=5)
    client.conn.reset_stream(stream)
    client.flush()
    wait_for(lambda: len(seen) == 3, "three ends at the upstream", 5, lambda: str(seen))
    assert seen == ["cut"] * 3
