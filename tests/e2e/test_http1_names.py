# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""One normal form of authority and path, whoever spells it how; what matches is what is forwarded."""

import pytest

from lib.shared import shared_server

CONFIG = """
sites:
  localhost:
    routes:
      - {path: /app, proxy: "{app}"}
      - {path: /, root: "{www}"}
  second.localhost: {respond: second}
  127.0.0.1: {respond: address}
"""


@pytest.fixture(scope="module", name="shared")
def fixture_shared():
    files = {"index.html": "hello\n", "a/b.txt": "b\n", "a b.txt": "blank\n", "\u00e4.txt": "umlaut\n"}
    with shared_server(CONFIG, files=files) as s:
        yield s


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "LocalHost.", "localhost:443", "localhost:8443", "localhost.:1"])
def test_host_is_normalised(shared, host):
    with shared.tls() as link:
        assert link.get("/app", host=host).status == 200
    seen = shared.app.requests[-1][2]
    assert seen["host"] == host.lower().replace(".", "") and seen["x-forwarded-host"].startswith("localhost")


@pytest.mark.parametrize("target, host", [("https://localhost/app/x?y=1", "localhost"),
                                          ("HTTPS://LOCALHOST./app/x?y=1", "localhost"),
                                          ("http://localhost:443/app/x?y=1", "localhost"),
                                          ("https://localhost/app/x?y=1", "LOCALHOST.")])
def test_absolute_form(shared, target, host):
    with shared.tls() as link:
        told = link.get(target, host=host).json()
    assert told["target"] == "/app/x?y=1"


def test_absolute_form_without_a_path(shared):
    with shared.tls() as link:
        assert link.get("https://localhost").body == b"hello\n"
        assert link.get("https://localhost?x").body == b"hello\n"


@pytest.mark.parametrize("sni, host, status", [
    ("localhost", "localhost", 200), ("localhost", "second.localhost", 421), ("second.localhost", "localhost", 421),
    ("localhost", "unknown.example", 421), ("localhost", "localhost.second.localhost", 421), ("localhost", "127.0.0.1", 421),
    ("localhost", "second.LOCALHOST.", 421), ("second.localhost", "SECOND.localhost.:443", 200)])
def test_name_of_the_connection_and_host_agree(shared, sni, host, status):
    with shared.tls(sni) as link:
        answer = link.get("/", host=host)
        assert answer.status == status
        assert status == 200 or b"hello" not in answer.body
    assert shared.app.requests == [] or "421" not in repr(shared.app.requests[-1])


def test_h2_name_of_the_connection_and_authority_agree(shared):
    with shared.h2() as h2:
        assert h2.get("/").status == 200
        assert h2.get("/", authority="second.localhost").status == 421
        assert h2.get("/", authority="LOCALHOST.:443").status == 200
        assert h2.get("/", fields=[("host", "localhost")]).status == 200


PATHS = [("/app/./x", "/app/x"), ("/app/../app/x", "/app/x"), ("/x/../app/y", "/app/y"), ("/app/%2e%2e/app/x", "/app/x"),
         ("/app/%2E/x", "/app/x"), ("/app/.%2e/app/x", "/app/x"), ("/../../app/x", "/app/x"), ("/app/x/.", "/app/x/"),
         ("/app/x/..", "/app/"), ("/app/a%2Fb", "/app/a%2Fb"), ("/app/a%2fb", "/app/a%2Fb"), ("/app/%61b", "/app/ab"),
         ("/app/a%20b", "/app/a%20b"), ("/app/a%c3%a4", "/app/a%C3%A4"), ("/app//x", "/app//x"), ("/%61pp/x", "/app/x"),
         ("/app/%7Euser", "/app/~user"), ("/app/a%3Fb", "/app/a%3Fb"), ("/app/a%23b", "/app/a%23b"),
         ("/app/%25%32%65", "/app/%252e"), ("/app/%252e%252e/x", "/app/%252e%252e/x"), ("/app/{x}|y", "/app/%7Bx%7D%7Cy"),
         ("/app?a=%2e%2e/&b=%zz", "/app?a=%2e%2e/&b=%zz"), ("/app?", "/app?"), ("/app/...", "/app/..."),
         ("/app/a;b=c", "/app/a;b=c")]


@pytest.mark.parametrize("asked, seen", PATHS)
def test_one_path_is_matched_and_forwarded(shared, asked, seen):
    with shared.tls() as link:
        assert link.get(asked).json()["target"] == seen
    with shared.h2() as h2:
        assert h2.get(asked).json()["target"] == seen


@pytest.mark.parametrize("path", ["/app\\x", "/app/%5c", "/app/%00", "/app/%0a", "/app/%0d%0aX:1", "/app/%7f", "/app/%", "/app/%4",
                                  "/app/%u0041", "/app/..%2fx", "/app/x%2f..", "/app/..;/x", "/app/.%2f", "/app/..%3bx"])
def test_path_that_programs_read_differently_is_refused(shared, path):
    before = len(shared.app.requests)
    with shared.tls() as link:
        assert link.get(path).status == 400
    with shared.h2(strict=False) as h2:
        assert h2.get(path).status == 400
    assert len(shared.app.requests) == before


@pytest.mark.parametrize("path", ["/applet", "/app.html", "/app%2Fx", "/ap", "/APP/x", "/x/app"])
def test_prefixes_match_whole_segments(shared, path):
    with shared.tls() as link:
        assert link.get(path).status == 404, "the files' answer"


@pytest.mark.parametrize("path, body", [("/a/b.txt", "b\n"), ("//a///b.txt", "b\n"), ("/a/../a/./b.txt", "b\n"),
                                        ("/%61/%62.txt", "b\n"), ("/a%20b.txt", "blank\n"), ("/%c3%a4.txt", "umlaut\n")])
def test_spellings_of_a_file(shared, path, body):
    with shared.tls() as link:
        assert link.get(path).text == body


def test_fields_that_programs_read_differently_are_dropped(shared):
    """CGI and WSGI turn "-" into "_": X_Forwarded_For would become X-Forwarded-For; Proxy would become HTTP_PROXY."""
    with shared.tls() as link:
        told = link.get("/app", fields=[("X_Real_Ip", "1.1.1.1"), ("X.Real.Ip", "2.2.2.2"), ("Remote_User", "root"),
                                        ("Proxy", "http://evil"), ("X-Good", "yes")]).json()
    names = [k.lower() for k, _ in told["fields"]]
    assert "x-good" in names
    assert not {"x_real_ip", "x.real.ip", "remote_user", "proxy"} & set(names)


def test_connection_cannot_strip_our_fields(shared):
    with shared.tls() as link:
        told = link.get("/app", fields=[("Connection", "close, X-Forwarded-For, X-Mine, Host, Via"), ("X-Mine", "1"),
                                        ("X-Forwarded-For", "6.6.6.6"), ("TE", "gzip"), ("Keep-Alive", "x")]).json()
    fields = {k.lower(): v for k, v in told["fields"]}
    assert fields["x-forwarded-for"] == "127.0.0.1" and fields["host"] == "localhost"
    assert not {"x-mine", "keep-alive", "te"} & set(fields)


def test_h2c_upgrade_is_not_passed_on(shared):
    with shared.tls() as link:
        told = link.get("/app", fields=[("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
                                        ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")]).json()
    assert not {"upgrade", "http2-settings"} & {k.lower() for k, _ in told["fields"]}
