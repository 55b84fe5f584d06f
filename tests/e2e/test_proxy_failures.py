# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Upstreams that refuse, babble, fall silent or die: what the client sees and what the log says."""

import threading

import pytest
from lib.http import Ended
from lib.ports import Ports
from lib.wait import wait_for

NO_RETRY = "retries: 0, max_fails: 0"


def proxied(url, more=NO_RETRY):
    return f'sites: {{localhost: {{proxy: {{to: "{url}", {more}}}}}}}'


def reset(call):
    call.read_head()
    call.reset()


def says(text):
    def script(call):
        call.read_head()
        call.send(text)
        call.reader.rest()
    return script


def says_and_ends(text):
    def script(call):
        call.read_head()
        call.send(text)
    return script


BAD = [
    # script, status, in the reason
    ("reset", reset, 502, "reset"),
    ("closed", says_and_ends(b""), 502, "before an answer"),
    ("garbage", says(b"\x15\x03\x01 what\r\n\r\n"), 502, "malformed"),
    ("ssh", says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), 502, "malformed"),
    ("obs-fold", says(b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"), 502, "malformed"),
    ("bare-cr", says(b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n"), 502, "malformed"),
    ("nul", says(b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"), 502, "malformed"),
    ("space", says(b"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n"), 502, "malformed"),
    ("cl-te", says(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 502, "ambiguous"),
    ("cl-cl", says(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), 502, "ambiguous"),
    ("cl-odd", says(b"HTTP/1.1 200 OK\r\nContent-Length: 3x\r\n\r\nabc"), 502, "ambiguous"),
    ("te-odd", says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc"), 502, "ambiguous"),
    ("truncated", says_and_ends(b"HTTP/1.1 200 OK\r\nContent-Le"), 502, "middle of the answer's head"),
    ("101-unasked", says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"), 502, "101"),
    ("status-999", says_and_ends(b"HTTP/1.1 999 What\r\n\r\n"), 502, "status"),
    ("endless-1xx", says(b"HTTP/1.1 102 Processing\r\n\r\n" * 200), 502, "interim"),
    ("endless-head", says(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20000), 502, "malformed"),
]


@pytest.mark.parametrize("script,status,reason", [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_answers(server, upstream, script, status, reason):
    app = upstream(script)
    s = server(proxied(app.url))
    link = s.tls()
    answer = link.get("/h1")
    while answer.status < 200:
        answer = link.response()
    assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    row = s.access.wait(target="/h1")
    assert reason in row["reason"] and row["status"] == status and str(app.port) in row["upstream"], row
    assert s.h2().get("/h2", fields=[("accept", "application/json")]).json()["status"] == status
    event = s.events.wait("upstream_failed")
    assert event["upstream"] == app.url and reason in event["reason"] and event["down"] is False


def test_refused(server):
    ports = Ports(1)
    s = server(proxied(f"http://127.0.0.1:{ports.numbers[0]}"))
    link = s.tls()
    assert link.get("/r").status == 502
    assert "refused" in s.access.wait(target="/r")["reason"]
    assert link.get("/r").status == 502  # the client's connection goes on
    ports.release()


def test_silence(server, upstream):
    app = upstream(lambda call: call.reader.rest())
    s = server(proxied(app.url, "timeout: 150ms, retries: 0"))
    assert s.tls().get("/s", fields=[("Accept", "application/json")]).json()["status"] == 504
    row = s.access.wait(target="/s")
    assert row["status"] == 504 and "no answer in time" in row["reason"] and row["ms"] >= 140


def test_all_down(server, upstream):
    app = upstream(reset)
    s = server(proxied(app.url, "retries: 0, max_fails: 2, fail_timeout: 1m"))
    link = s.tls()
    assert [link.get().status for _ in range(4)] == [502, 502, 503, 503]
    answer = link.get("/down")
    assert answer.headers["retry-after"] == "5"
    assert "every upstream is marked as down" in s.access.wait(target="/down")["reason"]
    assert app.connections == 2
    assert s.events.find("upstream_failed")[1]["down"] is True


HEAD = b"HTTP/1.1 200 OK\r\n"
CUTS = {
    "length": HEAD + b"Content-Length: 1000\r\n\r\n" + b"x" * 500,
    "chunked": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + b"x" * 500 + b"\r\n",
    "in-chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + b"x" * 500,
    "bad-chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + b"x" * 500 + b"ZZZZ\r\n",
    "no-last-crlf": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + b"x" * 500 + b"\r\n0\r\n",
}


@pytest.mark.parametrize("kind", CUTS)
@pytest.mark.parametrize("end", ["fin", "reset"])
def test_death_in_mid_response_is_visible(server, upstream, kind, end):
    def script(call):
        call.read_head()
        head, _, body = CUTS[kind].partition(b"\r\n\r\n")
        call.send(head + b"\r\n\r\n" + body[:8])
        call.wait(call.upstream.go)
        call.send(body[8:])
        if kind == "bad-chunk":
            call.reader.rest()
        elif end == "reset":
            call.reset()
    app = upstream(script)
    app.go = threading.Event()
    s = server(proxied(app.url))
    link = s.tls()
    link.request("/cut")
    start, fields = link.reader.head()
    assert "200" in start and ("content-length" in fields or fields["transfer-encoding"] == "chunked")
    app.go.set()
    with pytest.raises((Ended, OSError)):
        if "content-length" in fields:
            link.reader.exactly(1000)
        else:
            link.reader.chunks()
    row = s.access.wait(target="/cut")
    assert row["end"] and row["reason"] and row["status"] == 200 and row["bytes_out"] <= 500, row
    client = s.h2()
    for path in ("/cut2", "/cut3"):  # the connection itself lives on
        with pytest.raises(ConnectionResetError):
            client.response(client.start(path))


@pytest.mark.parametrize("kind", CUTS)
def test_death_before_anything_left_is_a_502(server, upstream, kind):
    """Head, part of the body and the end come at once: nothing of it need be told to an h1 client."""
    app = upstream(says_and_ends(CUTS[kind]))
    s = server(proxied(app.url))
    try:
        assert s.tls().get("/cut").status == 502
        assert s.access.wait(target="/cut")["status"] == 502
    except Ended:
        assert s.access.wait(target="/cut")["end"]  # the end came a moment later: a visible cut


def test_body_until_close_ends_orderly_but_a_reset_does_not(server, upstream):
    go = threading.Event()

    def script(call):
        _, target, _ = call.read_head()
        call.send("HTTP/1.1 200 OK\r\n\r\nsome text")
        if target == "/reset":
            call.wait(go)
            call.reset()
    s = server(proxied(upstream(script).url))
    assert s.tls().get("/fin").text == "some text"
    link = s.tls()
    link.request("/reset")
    _, fields = link.reader.head()
    assert fields["transfer-encoding"] == "chunked"
    go.set()
    with pytest.raises((Ended, OSError)):
        link.reader.chunks()


def stale(call):
    """Answers once; a second request on the connection is met by its end."""
    call.read_head()
    call.answer("first")
    if call.read_head():
        pass  # ... and the connection ends


def test_stale_pooled_connection_is_replayed_for_get(server, upstream):
    app = upstream(stale)
    s = server(proxied(app.url))
    link = s.tls()
    for _ in range(4):
        assert link.get().text == "first"
    assert app.connections == 4
    assert len(app.requests) == 7  # each of the last three was asked twice
    assert s.events.find("upstream_failed") == []
    assert s.metrics()["port443_upstream_replays_total"] == 3


def test_stale_pooled_connection_is_not_replayed_for_post(server, upstream):
    app = upstream(stale)
    s = server(proxied(app.url, "retries: 5, max_fails: 0"))
    link = s.tls()
    assert link.get().text == "first"
    assert link.get("/", method="POST", body=b"pay once").status == 502
    assert link.get().text == "first"
    assert [m for m, _, _ in app.requests].count("POST") == 1
    assert link.get("/", method="POST").status == 502  # nor without a body
    assert [m for m, _, _ in app.requests].count("POST") == 2


def test_put_with_a_body_on_a_stale_connection_is_not_sent_twice(server, upstream):
    app = upstream(stale)
    s = server(proxied(app.url))
    link = s.tls()
    assert link.get().text == "first"
    assert link.get("/", method="PUT", body=b"x" * 100).status in (200, 502)
    assert [m for m, _, _ in app.requests].count("PUT") == 1


def test_idle_connection_that_ended_is_not_used(server, upstream):
    """The end of an idle connection is noticed when it comes: nothing is sent there, POST included."""
    def script(call):
        call.read_head()
        call.answer("x", method="POST")
    app = upstream(script)
    s = server(proxied(app.url))
    link = s.tls()
    for _ in range(3):
        assert link.get("/", method="POST").status == 200
        wait_for(lambda: not _idle(s), "the pool to notice", 5)
    assert app.connections == 3


def _idle(s):
    return sum(row["idle"] for row in s.report()["workers"][0]["report"]["upstreams"])


def test_next_upstream_is_asked_when_one_refuses(server, upstream):
    app = upstream()
    ports = Ports(1)
    dead = f"http://127.0.0.1:{ports.numbers[0]}"
    s = server(f'sites: {{localhost: {{proxy: {{to: ["{dead}", "{app.url}"], max_fails: 0}}}}}}')
    link = s.tls()
    for i in range(4):
        assert link.get(f"/{i}").status == 200
        assert link.get(f"/{i}", method="POST", body=b"x" * 3000).json()["body"] == "x" * 3000
        assert s.h2().get(f"/{i}", method="POST", body=b"y" * 30000).json()["body"] == "y" * 30000
    assert len(app.requests) == 12
    assert s.events.find("upstream_failed", upstream=dead)
    ports.release()


def test_retries_can_be_off(server, upstream):
    app = upstream()
    ports = Ports(1)
    s = server(f'sites: {{localhost: {{proxy: {{to: ["http://127.0.0.1:{ports.numbers[0]}", "{app.url}"], {NO_RETRY}}}}}}}')
    link = s.tls()
    assert sorted(link.get().status for _ in range(6)) == [200] * 3 + [502] * 3
    ports.release()


def test_client_abort_cancels_the_upstream_request(server, upstream):
    asked, ended = threading.Semaphore(0), threading.Semaphore(0)

    def script(call):
        call.read_head()
        asked.release()
        try:
            call.reader.rest()
        finally:
            ended.release()
    s = server(proxied(upstream(script).url))
    link = s.tls()
    link.request("/gone")
    assert asked.acquire(timeout=5)
    link.close()
    assert ended.acquire(timeout=5), "the upstream's connection stayed open"
    link = s.tls()
    link.request("/reset")
    assert asked.acquire(timeout=5)
    link.reset()
    assert ended.acquire(timeout=5)
    client = s.h2()
    stream = client.start("/stream")
    assert asked.acquire(timeout=5)
    client.conn.reset_stream(stream)
    client.flush()
    assert ended.acquire(timeout=5)
    assert s.access.wait(target="/stream")["end"]


def test_upstream_that_stops_is_a_visible_end_for_all(server, upstream):
    app = upstream(says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"))
    s = server(proxied(app.url))
    links = [s.tls() for _ in range(3)]
    for link in links:
        link.request()
        assert "200" in link.reader.head()[0]
    app.stop()
    for link in links:
        with pytest.raises((Ended, OSError)):
            link.reader.exactly(10)
    assert s.tls().get().status == 502


def test_silence_in_mid_response_ends_it(server, upstream):
    app = upstream(says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"))
    s = server(proxied(app.url, "timeout: 200ms, retries: 0"))
    with pytest.raises((Ended, OSError)):
        s.tls().get("/mute")
    assert "no byte in time" in s.access.wait(target="/mute")["reason"]


def test_worker_is_alive_after_all(server, upstream):
    """One upstream's noise does not reach a request to another."""
    bad, good = upstream(says(b"\0" * 100000)), upstream()
    s = server(f"""
sites:
  localhost:
    routes:
      - {{path: /bad, proxy: {{to: "{bad.url}", {NO_RETRY}}}}}
      - {{path: /, proxy: "{good.url}"}}
""")
    client = s.h2()
    streams = [(client.start("/bad"), 502) if i % 2 else (client.start("/good"), 200) for i in range(20)]
    for stream, status in streams:
        assert client.response(stream).status == status
