# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What an upstream is told about the request: forwarding fields, hop-by-hop fields, exact bytes."""

import pytest

SPOOFED = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "evil.example"),
           ("X-Forwarded-Prefix", "/evil"), ("X-Real-IP", "6.6.6.6"), ("Forwarded", "for=6.6.6.6"),
           ("X-Request-Id", "spoofed")]


def one_proxy(url, more=""):
    return f'{more}\nsites: {{localhost: {{proxy: "{url}"}}}}'


def seen_by(upstream_made):
    """Fields of the last request."""
    return upstream_made.requests[-1][2]


def raw(call):
    """An upstream that keeps the bytes of each head and answers."""
    while True:
        head = call.reader.until(b"\r\n\r\n")
        call.upstream.heads = getattr(call.upstream, "heads", []) + [head]
        body = b""
        if b"Transfer-Encoding: chunked" in head:
            while not body.endswith(b"0\r\n\r\n") and not (b"\r\n0\r\n" in body and body.endswith(b"\r\n\r\n")):
                body += call.reader.exactly(1)
        elif b"Content-Length: " in head:
            body = call.reader.exactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
        call.upstream.bodies = getattr(call.upstream, "bodies", []) + [body]
        call.answer("ok")


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_forwarding_fields(server, upstream, protocol):
    app = upstream()
    s = server([f"localhost={app.url}"])
    authority = f"localhost:{s.https_port}"
    if protocol == "h1":
        s.tls().get("/a?b=c", host=authority, fields=SPOOFED)
    else:
        s.h2().get("/a?b=c", authority=authority, fields=[(k.lower(), v) for k, v in SPOOFED])
    method, target, fields = app.requests[-1]
    assert (method, target) == ("GET", "/a?b=c")
    assert fields.all("host") == [authority]
    assert fields.all("x-forwarded-for") == ["127.0.0.1"]
    assert fields.all("x-real-ip") == ["127.0.0.1"]
    assert fields.all("x-forwarded-proto") == ["https"]
    assert fields.all("x-forwarded-host") == [authority]
    assert fields.all("forwarded") == [f'for=127.0.0.1;host="{authority}";proto=https']
    assert fields.all("via") == ["1.1 port443" if protocol == "h1" else "2 port443"]
    assert "x-forwarded-prefix" not in fields
    (request_id,) = fields.all("x-request-id")
    assert len(request_id) == 16 and request_id != "spoofed"
    assert s.access.wait(target="/a?b=c")["request_id"] == request_id


def test_trusted_proxy_is_continued(server, upstream):
    app = upstream()
    s = server(one_proxy(app.url, "trusted_proxies: 127.0.0.0/8"))
    s.tls().get(fields=[("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "http"),
                        ("X-Forwarded-Host", "front.example"), ("X-Real-IP", "6.6.6.6"),
                        ("Forwarded", "for=203.0.113.7;proto=http"), ("X-Request-Id", "of-the-front")])
    fields = seen_by(app)
    assert fields.all("x-forwarded-for") == ["203.0.113.7, 127.0.0.1"]
    assert fields.all("x-real-ip") == ["203.0.113.7"]
    assert fields.all("x-forwarded-proto") == ["http"]
    assert fields.all("x-forwarded-host") == ["front.example"]
    assert fields.all("forwarded") == ["for=203.0.113.7;proto=http, for=127.0.0.1;host=localhost;proto=https"]
    assert fields.all("x-request-id") == ["of-the-front"]


def test_trusted_only_from_the_listed_network(server, upstream):
    app = upstream()
    s = server(one_proxy(app.url, "trusted_proxies: [10.0.0.0/8, 127.0.0.2/32]"))
    s.tls().get(fields=SPOOFED)
    assert seen_by(app).all("x-forwarded-for") == ["127.0.0.1"]
    assert seen_by(app).all("x-forwarded-proto") == ["https"]


def test_hop_by_hop_fields_end_here(server, upstream):
    app = upstream()
    s = server([f"localhost={app.url}"])
    s.tls().get(fields=[("Connection", "keep-alive, X-Mine, X-Forwarded-For, Forwarded, Via, Host, X-Real-IP"),
                        ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("TE", "trailers"),
                        ("Proxy-Authorization", "Basic eDp5"), ("Proxy", "http://evil.example/"), ("X-Mine", "1"),
                        ("X-Kept", "2"), ("Authorization", "Bearer t"), ("Cookie", "a=b")])
    fields = seen_by(app)
    for gone in ("connection", "keep-alive", "proxy-connection", "proxy", "x-mine", "te", "proxy-authorization"):
        assert gone not in fields, (gone, fields)
    for kept, value in (("x-kept", "2"), ("authorization", "Bearer t"), ("cookie", "a=b"), ("host", "localhost"),
                        ("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1"), ("via", "1.1 port443")):
        assert fields.all(kept) == [value]
    assert "forwarded" in fields


def test_names_with_underscore_do_not_impersonate(server, upstream):
    """CGI and WSGI cannot tell X_Forwarded_For from X-Forwarded-For."""
    app = upstream()
    s = server([f"localhost={app.url}"])
    s.tls().get(fields=[("X_Forwarded_For", "6.6.6.6"), ("Remote_User", "root")])
    assert not [k for k, _ in seen_by(app).lines if "_" in k]


def test_answer_fields(server, upstream):
    def script(call):
        while call.read_head():
            call.answer("x", fields=[("Connection", "X-Private"), ("X-Private", "1"), ("Keep-Alive", "timeout=9"),
                                     ("X-Public", "2"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"),
                                     ("Server", "toy"), ("Alt-Svc", 'h3=":443"'), ("Upgrade", "h2c")])
    s = server([f"localhost={upstream(script).url}"])
    for answer in (s.tls().get(), s.h2().get()):
        fields = answer.headers
        for gone in ("x-private", "keep-alive", "alt-svc", "upgrade"):
            assert gone not in fields, (gone, fields)
        assert fields["x-public"] == "2" and fields["server"] == "toy"
        assert fields.all("set-cookie") == ["a=1", "b=2"]
        assert fields.all("via") == ["1.1 port443"]
        assert fields.all("content-length") == ["1"]
        assert len(fields.all("date")) == 1
        assert fields["x-content-type-options"] == "nosniff"


def test_host_upstream(server, upstream):
    app = upstream()
    s = server(f'sites: {{localhost: {{proxy: {{to: "{app.url}", host: upstream}}}}}}')
    s.tls().get()
    assert seen_by(app)["host"] == f"127.0.0.1:{app.port}"
    assert seen_by(app)["x-forwarded-host"] == "localhost"


TARGETS = [
    # what the client asks, what reaches the upstream
    ("/", b"/"),
    ("/a/./b/../c", b"/a/c"),
    ("/a/%2e%2e/b", b"/b"),
    ("/../../etc/passwd", b"/etc/passwd"),
    ("/a%2Fb", b"/a%2Fb"),
    ("/a%2fb", b"/a%2Fb"),
    ("/%61%7E", b"/a~"),
    ("/a%20b", b"/a%20b"),
    ("/?", b"/?"),
    ("/x?a=/../b&c=%2F#", None),
    ("/x?a=/../b&c=%2f", b"/x?a=/../b&c=%2f"),
    ("https://localhost/abs?q", b"/abs?q"),
    ("https://localhost", b"/"),
    ("/a%00b", None),
    ("/a%0d%0aX: y", None),
    ("/a%5Cb", None),
    ("/a\\b", None),
]


@pytest.fixture(name="raw_pair", scope="function")
def fixture_raw_pair(server, upstream):
    app = upstream(raw)
    return app, server([f"localhost={app.url}"])


def test_targets_byte_for_byte(raw_pair):
    app, s = raw_pair
    for target, expected in TARGETS:
        count = len(getattr(app, "heads", []))
        answer = s.tls().get(target)
        if expected is None:
            assert answer.status == 400, target
            assert len(getattr(app, "heads", [])) == count, f"{target!r} reached the upstream"
        else:
            assert answer.status == 200, (target, answer)
            assert app.heads[-1].split(b"\r\n")[0] == b"GET " + expected + b" HTTP/1.1", target


def test_bodies_byte_for_byte(raw_pair):
    app, s = raw_pair
    link = s.tls()
    link.send(b"POST /c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
              b"5;ext=1\r\nhello\r\n0\r\nX-Sum: 9\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n\r\n")
    assert link.response().status == 200
    head, body = app.heads[-1], app.bodies[-1]
    assert head.count(b"Transfer-Encoding: chunked") == 1 and b"Content-Length" not in head
    assert body == b"5\r\nhello\r\n0\r\nX-Sum: 9\r\n\r\n"
    link.send(b"POST /l HTTP/1.1\r\nHost: localhost\r\nContent-Length: 05\r\n\r\nworld")
    answer = link.response()
    if answer.status == 200:
        assert b"\r\nContent-Length: 5\r\n" in app.heads[-1] + b"\r\n" and app.bodies[-1] == b"world"
    else:
        assert answer.status == 400 and len(app.heads) == 1


@pytest.mark.parametrize("head", [
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nabcde",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\nHost: localhost\n\n",
    b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n",
])
def test_ambiguous_requests_never_reach_the_upstream(raw_pair, head):
    app, s = raw_pair
    link = s.tls()
    link.send(head)
    assert link.response().status in (400, 405, 501)
    assert link.reader.closed()
    assert not hasattr(app, "heads") and app.connections == 0


def test_malformed_chunk_cuts_the_upstream_request(raw_pair):
    app, s = raw_pair
    link = s.tls()
    link.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n"
              b"GET /evil HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert link.response().status == 400
    assert s.tls().get("/next").status == 200
    assert [h.split(b" ")[1] for h in app.heads if b"/evil" in h] == []
    assert app.connections == 2 or len(app.heads) == 1  # an unfinished request's connection is never reused


H2_INJECTIONS = [
    dict(fields=[("x-a", "b\r\nX-Evil: 1")]),
    dict(fields=[("x-a\r\nx-evil", "1")]),
    dict(fields=[("x-a: 1\r\nx-evil", "1")]),
    dict(fields=[("x a", "1")]),
    dict(fields=[("x-a", "b\0c")]),
    dict(fields=[("transfer-encoding", "chunked")]),
    dict(fields=[("connection", "close")]),
    dict(fields=[("X-Upper", "1")]),
    dict(fields=[("content-length", "5")]),
    dict(fields=[("host", "evil.example")]),
    dict(path="/a HTTP/1.1\r\nX-Evil: 1\r\n\r\n"),
    dict(path="/a b"),
    dict(path="no-slash"),
    dict(method="GET / HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET"),
    dict(authority="localhost\r\nX-Evil: 1"),
    dict(authority="localhost, evil.example"),
    dict(authority="user@localhost"),
]


@pytest.mark.parametrize("how", H2_INJECTIONS, ids=repr)
def test_h2_injections_never_reach_the_upstream(raw_pair, how):
    app, s = raw_pair
    client = s.h2(strict=False)
    try:
        status = client.get(**how).status
    except ConnectionError:
        status = None  # a reset or a closed connection
    assert status in (None, 400, 421), status
    assert not hasattr(app, "heads"), app.heads


def test_a_loop_is_broken(server):
    s = server("""
sites:
  localhost:
    proxy: {to: "https://127.0.0.1:{https}", tls: {server_name: localhost, insecure_skip_verify: true}}
""")
    assert s.tls().get().status == 508
    s.access.wait(count=9, status=508)
    assert len(s.access.find(status=508)) == 9  # eight hops and the refusal
