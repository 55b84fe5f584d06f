# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Redirects, fixed answers, return, and header steps down the tree."""

import pytest

FIXED = """
headers: {set: {X-Level: server, X-Gone: "1", X-Server: s}, add: {X-List: one}}
sites:
  localhost:
    headers: {set: {X-Level: site}, add: {X-List: two}, remove: X-Gone}
    routes:
      - {path: /whole, redirect: "https://new.test"}
      - {path: /slash, redirect: "https://new.test/"}
      - {path: /based, redirect: "https://new.test/base"}
      - {path: /joined, redirect: {to: "https://new.test/base/", keep_path: true}}
      - {path: /short, redirect: {to: "https://new.test", keep_path: false, status: 302}}
      - {path: /here, redirect: {to: /there, status: 303, keep_path: false}}
      - {path: /301, redirect: {to: "https://new.test", status: 301}}
      - {path: /307, redirect: {to: "https://new.test", status: 307}}
      - {path: /gone, return: 410}
      - {path: /nothing, return: 204}
      - {path: /text, respond: hello}
      - {path: /teapot, respond: {status: 418, body: '{"a":1}', content_type: application/json}}
      - {path: /deep, respond: x, headers: {set: {X-Level: route}, add: {X-List: three}, remove: [X-Server]}}
      - {path: /rest, respond: connection}
"""

REDIRECTS = [
    ("/whole", 308, "https://new.test/whole"),
    ("/whole/a/b?c=d", 308, "https://new.test/whole/a/b?c=d"),
    ("/whole?", 308, "https://new.test/whole?"),
    ("/whole/a%20b/%2F", 308, "https://new.test/whole/a%20b/%2F"),
    ("/whole//evil.test", 308, "https://new.test/whole//evil.test"),
    ("/slash/x", 308, "https://new.test/slash/x"),
    ("/based/x?q=1", 308, "https://new.test/base?q=1"),
    ("/joined/x?q=1", 308, "https://new.test/base/joined/x?q=1"),
    ("/short/x?q=1", 302, "https://new.test/?q=1"),
    ("/here/x", 303, "/there"),
    ("/301/x", 301, "https://new.test/301/x"),
    ("/307/x", 307, "https://new.test/307/x"),
]


@pytest.fixture(name="fixed")
def fixture_fixed(server):
    return server(FIXED)


def test_redirects(fixed):
    for path, status, location in REDIRECTS:
        for answer in (fixed.tls().get(path), fixed.h2().get(path)):
            assert (answer.status, answer.headers.all("location")) == (status, [location]), path
    assert fixed.tls().get("/whole/x", method="POST", body=b"abc").status == 308


def test_redirect_cannot_be_split(fixed):
    for path in ("/whole/%0d%0aX-Evil:1", "/whole/%0D%0ASet-Cookie:a", "/whole?a\x0bb"):
        answer = fixed.tls().get(path)
        assert "x-evil" not in answer.headers and "set-cookie" not in answer.headers
        assert answer.status in (308, 400)


def test_fixed_answers(fixed):
    link = fixed.tls()
    answer = link.get("/gone")
    assert answer.status == 410
    answer = link.get("/nothing")
    assert (answer.status, answer.body) == (204, b"") and "content-length" not in answer.headers
    answer = link.get("/text")
    assert (answer.status, answer.text, answer.headers["content-type"]) == (200, "hello", "text/plain; charset=utf-8")
    link.request("/text", method="HEAD")
    answer = link.response("HEAD")
    assert answer.status == 200 and answer.headers["content-length"] == "5"
    answer = link.get("/teapot")
    assert (answer.status, answer.json(), answer.headers["content-type"]) == (418, {"a": 1}, "application/json")
    assert link.get("/text", method="POST", body=b"x" * 5000).status in (200, 405)
    told = link.get("/rest").json()
    assert told["tls"]["version"] == "TLSv1.3" and told["host"] == "localhost"
    assert link.get("/unknown").status == 404


def test_header_steps_add_up(fixed):
    for client in (fixed.tls(), fixed.h2()):
        fields = client.get("/text").headers
        assert fields.all("x-level") == ["site"] and fields.all("x-list") == ["one", "two"]
        assert "x-gone" not in fields and fields["x-server"] == "s"
        fields = client.get("/deep").headers
        assert fields.all("x-level") == ["route"] and fields.all("x-list") == ["one", "two", "three"]
        assert "x-gone" not in fields and "x-server" not in fields
        fields = client.get("/whole").headers
        assert fields.all("x-level") == ["site"]
        assert client.get("/none").headers.all("x-content-type-options") == ["nosniff"]


def test_header_steps_on_files_and_proxies(server, site, upstream):
    def script(call):
        while call.read_head():
            call.answer("x", fields=[("Server", "toy"), ("X-Powered-By", "toy"), ("X-Both", "theirs")])
    s = server(f"""
headers: {{remove: [Server, X-Powered-By], set: {{X-Content-Type-Options: custom}}, add: {{X-Both: ours}}}}
sites:
  localhost:
    routes:
      - {{path: /app, proxy: "{upstream(script).url}"}}
      - {{path: /, root: {site}, headers: {{set: {{Content-Type: text/x-mine}}}}}}
""")
    fields = s.tls().get("/app").headers
    assert "server" not in fields and "x-powered-by" not in fields
    assert fields.all("x-both") == ["theirs", "ours"]
    assert fields.all("x-content-type-options") == ["custom"]
    for _ in range(2):  # from the disk, then from memory
        fields = s.tls().get("/").headers
        assert fields.all("content-type") == ["text/x-mine"] and "server" not in fields
        assert fields.all("x-content-type-options") == ["custom"] and fields.all("x-both") == ["ours"]
