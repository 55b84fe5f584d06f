# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Port 80: one redirect and nothing else."""

import pytest

SITES = """
sites:
  localhost: {root: {dir}/www}
  other.localhost: {respond: other, aliases: [second.localhost]}
  "*.wild.localhost": {respond: wild}
"""


@pytest.fixture(name="s")
def fixture_s(server, site):
    del site
    return server(SITES)


@pytest.mark.parametrize("target", ["/", "/a/b?x=1&y=%20", "/a?", "/%2e%2e/x?next=https://evil.example/", "/a//b", "/%C3%A4"])
def test_path_and_query_are_kept(s, target):
    with s.plain() as link:
        answer = link.get(target)
        assert answer.status == 308
        location = answer.headers["location"]
        assert location.startswith(f"https://localhost:{s.https_port}/")
        if ".." not in target and "%2e" not in target:
            assert location == f"https://localhost:{s.https_port}{target}"
        else:
            assert location.split("?")[1] == target.split("?")[1] and "%2e" not in location.split("?")[0]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_every_method_is_redirected(s, method):
    with s.plain() as link:
        link.request("/form", method=method, body=b"a=1" if method in ("POST", "PUT") else b"")
        answer = link.response(method)
        assert (answer.status, answer.headers["location"]) == (308, f"https://localhost:{s.https_port}/form")
        assert "strict-transport-security" not in answer.headers  # RFC 6797 7.2: not over plain http


def test_names(s):
    with s.plain() as link:
        for host, wanted in [("other.localhost", "other.localhost"), ("second.localhost:80", "second.localhost"),
                             ("a.wild.localhost", "a.wild.localhost"), ("LOCALHOST", "localhost")]:
            assert link.get("/", host=host).headers["location"] == f"https://{wanted}:{s.https_port}/"


def test_unknown_name_is_no_open_redirect(s):
    with s.plain() as link:
        answer = link.get("/", host="evil.example")
        assert answer.status == 421 and "location" not in answer.headers
    with s.plain() as link:
        link.send("GET / HTTP/1.0\r\n\r\n")
        assert link.response().status in (400, 421)


def test_absolute_form(s):
    with s.plain() as link:
        answer = link.get("http://other.localhost/x", host="other.localhost")
        assert answer.headers["location"] == f"https://other.localhost:{s.https_port}/x"
    with s.plain() as link:  # two names in one request: who is meant is not guessed
        assert link.get("http://other.localhost/x", host="localhost").status == 400


def test_acme_path_is_reserved(s, site):
    (site / ".well-known" / "acme-challenge").mkdir(parents=True)
    (site / ".well-known" / "acme-challenge" / "token").write_text("must not be served")
    with s.plain() as link:
        answer = link.get("/.well-known/acme-challenge/token")
        assert answer.status == 404 and "location" not in answer.headers and b"must not" not in answer.body
        assert link.get("/.well-known/security.txt").status == 308


def test_tls_on_the_plain_port(s):
    with s.plain() as link:
        link.send(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")
        try:
            data = link.reader.rest()
        except ConnectionResetError:
            data = b""
        assert data == b"" or data.startswith(b"HTTP/1.1 400 ")
    assert s.plain().get("/").status == 308


def test_http2_preface_on_the_plain_port(s):
    with s.plain() as link:
        link.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert link.response().status in (400, 505)


def test_redirect_by_curl(s):
    answer = s.curl("/index.html?x", scheme="http")
    assert (answer.status, answer.headers["location"]) == (308, f"https://localhost:{s.https_port}/index.html?x")


def test_only_443_has_no_listener(server):
    s = server("only_443: true\nsites: {localhost: {respond: ok}}")
    assert s.curl("/").text == "ok"
    with pytest.raises(ConnectionRefusedError):
        s.plain()
    assert s.events.find("started")[0]["http_port"] == 0
