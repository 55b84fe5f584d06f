# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""An API on port 80: 403, never a redirect; a credential in clear is told without its value."""

import gzip

import pytest

SECRET = "s3cr3t-Value-0815"
SITES = """
sites:
  api.localhost: {api: true, respond: data}
  localhost: {respond: ok}
"""


@pytest.fixture(name="s")
def fixture_s(server):
    return server(SITES)


def assert_refused(link, answer, method="GET"):
    assert answer.status == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close" and "location" not in answer.headers
    if method != "HEAD":
        problem = answer.json()
        assert problem["status"] == 403 and problem["title"] == "HTTPS required"
    assert link.reader.closed()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_refused_and_closed(s, method):
    with s.plain() as link:
        link.request("/v1/things?x=1", method=method, host="api.localhost", body=b"{}" if method == "POST" else b"")
        assert_refused(link, link.response(method), method)
    assert not s.events.find("credential_exposed")
    assert s.metrics()["port443_credential_exposed_total"] == 0


@pytest.mark.parametrize("kind,fields,query", [
    ("authorization", [("Authorization", f"Bearer {SECRET}")], ""),
    ("apikey", [("ApiKey", SECRET)], ""),
    ("cookie", [("Cookie", f"session={SECRET}")], ""),
    ("x-api-key", [("X-Api-Key", SECRET)], ""),
    ("x-auth-token", [("X-Auth-Token", SECRET)], ""),
    ("api_key", [], f"?api_key={SECRET}"),
    ("access_token", [], f"?a=b&access_token={SECRET}"),
    ("token", [], f"?TOKEN={SECRET}"),
])
def test_exposed_credential(s, kind, fields, query):
    with s.plain() as link:
        link.request(f"/v1/things{query}", host="api.localhost", fields=fields)
        assert_refused(link, link.response())
    event = s.events.wait("credential_exposed", host="api.localhost")
    assert event["credential"].lower() == kind and event["path"] == "/v1/things" and event["level"] == "warning"
    assert event["client"] == "127.0.0.1"
    assert s.metrics()["port443_credential_exposed_total"] == 1
    s.access.wait(status=403)
    for log in (s.events, s.access):
        assert SECRET not in log.text()
    assert SECRET not in s.verb("status", "--json").stdout


def test_value_is_not_in_the_combined_format(server):
    s = server("log: {format: combined}\n" + SITES)
    with s.plain() as link:
        assert link.get(f"/v1?unheard_of={SECRET}&api_key={SECRET}", host="api.localhost").status == 403
    assert s.stop() == 0
    assert '"GET /v1 HTTP/1.1" 403' in s.access.text() and SECRET not in s.access.text() + s.events.text()


def test_value_is_logged_nowhere_on_443_either(s):
    """The access log of https keeps fields out, whatever they are."""
    fields = [("Authorization", f"Bearer {SECRET}"), ("Cookie", f"a={SECRET}"), ("X-Api-Key", SECRET)]
    with s.tls("api.localhost") as link:
        assert link.get("/", host="api.localhost", fields=fields).text == "data"
    s.access.wait(host="api.localhost", status=200)
    assert SECRET not in s.access.text() + s.events.text()


def test_other_sites_still_redirect(s):
    with s.plain() as link:
        assert link.get("/").status == 308


def test_acme_path_of_an_api(s):
    with s.plain() as link:
        assert link.get("/.well-known/acme-challenge/x", host="api.localhost").status == 404


def test_a_client_that_keeps_sending(s):
    """The refusal arrives although the client is in the middle of its body."""
    with s.plain() as link:
        link.send("POST /v1 HTTP/1.1\r\nHost: api.localhost\r\nContent-Length: 1000000\r\n\r\n")
        link.send(gzip.compress(b"x" * 5000))
        answer = link.response()
        assert answer.status == 403
