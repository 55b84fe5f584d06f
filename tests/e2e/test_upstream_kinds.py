# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Unix sockets, names, pooled connections."""

from lib.ports import ipv6_works
from lib.wait import wait_for


def test_unix_socket(server, upstream, tmp_path):
    app = upstream(path=tmp_path / "app.sock")
    s = server([f"localhost={app.url}"])
    told = s.tls().get("/x?y").json()
    assert told["target"] == "/x?y"
    assert s.h2().get("/", method="POST", body=b"abc").json()["body"] == "abc"
    assert app.connections == 1
    assert s.access.wait(target="/x?y")["upstream"] == f"unix:{app.path}"


def test_unix_socket_that_is_not_there(server, tmp_path):
    s = server([f"localhost=unix:{tmp_path}/nobody.sock"])
    assert s.tls().get().status == 502
    assert "nobody.sock" in s.access.wait(status=502)["reason"]


def test_ipv6_upstream(server, upstream):
    if ipv6_works():
        app = upstream(address="::1")
        s = server([f"localhost={app.url}"])
        assert s.tls().get().status == 200
        assert s.access.wait(status=200)["upstream"] == f"[::1]:{app.port}"


def test_name_with_two_addresses_of_which_one_answers(server, upstream):
    """localhost is ::1 and 127.0.0.1 here: the upstream listens on one of them only."""
    app = upstream()
    s = server([f"localhost=http://localhost:{app.port}"])
    assert s.tls().get().status == 200
    assert s.access.wait(status=200)["upstream"] == f"127.0.0.1:{app.port}"


def test_unresolvable_name_fails_its_route_only(server, site, program):
    s = server(f"""
sites:
  localhost:
    routes:
      - {{path: /lost, proxy: "http://no-such-name.invalid:8080"}}
      - {{path: /, root: {site}}}
""")
    assert s.curl("/").text == "hello\n"
    assert s.curl("/lost").status in (502, 504)
    row = s.access.wait(target="/lost")
    assert "no-such-name.invalid" in row["reason"], row
    assert s.curl("/").text == "hello\n"
    assert program("config", "check", "-c", s.config).returncode == 0


def test_keep_alive_is_pooled(server, upstream):
    app = upstream()
    s = server([f"localhost={app.url}"])
    link = s.tls()
    for i in range(20):
        assert link.get().json()["request"] == i + 1
    for i in range(5):
        assert s.tls().get().json()["request"] == 21 + i
    client = s.h2()
    for i in range(5):
        assert client.get().json()["request"] == 26 + i
    assert app.connections == 1
    (row,) = s.report()["workers"][0]["report"]["upstreams"]
    assert row["requests"] == 30 and row["connects"] == 1 and row["reuses"] == 29 and row["idle"] == 1


def test_pool_can_be_off(server, upstream):
    app = upstream()
    s = server(f'sites: {{localhost: {{proxy: {{to: "{app.url}", keepalive: 0}}}}}}')
    link = s.tls()
    for _ in range(3):
        assert link.get().status == 200
    assert app.connections == 3
    assert all(fields["connection"] == "close" for _, _, fields in app.requests)


def test_idle_connection_is_closed_after_its_time(server, upstream):
    ended = []

    def script(call):
        while call.read_head():
            call.answer()
        ended.append(1)
    app = upstream(script)
    s = server(f'sites: {{localhost: {{proxy: {{to: "{app.url}", keepalive_timeout: 100ms}}}}}}')
    assert s.tls().get().status == 200
    wait_for(lambda: ended, "the idle connection's end", 5)
    assert s.tls().get().status == 200
    assert app.connections == 2


def test_upstream_that_closes_is_not_reused(server, upstream):
    def script(call):
        call.read_head()
        call.answer(fields=[("Connection", "close")])
        call.reader.rest()
    app = upstream(script)
    s = server([f"localhost={app.url}"])
    link = s.tls()
    for _ in range(3):
        assert link.get().text == "ok"
    assert app.connections == 3


def test_http10_upstream(server, upstream):
    def script(call):
        call.read_head()
        call.send("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")
    app = upstream(script)
    s = server([f"localhost={app.url}"])
    answer = s.tls().get()
    assert answer.text == "until the end" and answer.headers["transfer-encoding"] == "chunked"
    assert s.h2().get().text == "until the end"
    assert app.connections == 2


def test_bytes_behind_the_answer_never_answer_somebody_else(server, upstream):
    def script(call):
        while call.read_head():
            call.answer("mine")
            call.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    app = upstream(script)
    s = server([f"localhost={app.url}"])
    for _ in range(5):
        assert s.tls().get().text == "mine"


def test_parallel_requests_have_connections_of_their_own(server, upstream):
    def script(call):
        while head := call.read_head():
            wait_for(lambda: len(call.upstream.requests) >= 8, "all the others", 5)
            call.answer(head[1])
    app = upstream(script)
    s = server([f"localhost={app.url}"])
    client = s.h2()
    streams = {client.start(f"/{i}"): f"/{i}" for i in range(8)}
    for stream, path in streams.items():
        assert client.response(stream).text == path
    assert app.connections == 8
