# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""HSTS by the age of the certificate, nosniff, and response fields that add up down the tree."""

import pytest

DAY_S = 86400


NAME = "www.example.com"  # a public one: HSTS on localhost would outlive the project that was tried there


def config(pair, extra=""):
    return f"sites: {{{NAME}: {{respond: ok, tls: {{cert: {pair.cert}, key: {pair.key}}}{extra}}}}}"


@pytest.mark.parametrize("age_days,max_age", [(1, DAY_S), (6, DAY_S), (8, 730 * DAY_S), (60, 730 * DAY_S)])
def test_hsts_ramps_with_the_certificate(server, certs, age_days, max_age):
    s = server(config(certs.leaf(NAME, age_days=age_days)))
    for answer in (s.curl("/", name=NAME, cafile=certs.root), s.curl("/", "--http1.1", name=NAME, cafile=certs.root)):
        assert answer.headers["strict-transport-security"] == f"max-age={max_age}"


def test_hsts_is_off_for_local_names(server, certs):
    pair = certs.leaf("own.localhost", age_days=60)
    s = server(f"""
sites:
  localhost: {{respond: ok}}
  own.localhost: {{respond: ok, tls: {{cert: {pair.cert}, key: {pair.key}}}}}
""")
    for name, cafile in (("localhost", s.root), ("own.localhost", certs.root)):
        answer = s.curl("/", name=name, cafile=cafile)
        assert answer.status == 200 and "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("given,value", [
    ("off", None), ("30d", f"max-age={30 * DAY_S}"),
    ("{max_age: 365d, include_subdomains: true}", f"max-age={365 * DAY_S}; includeSubDomains"),
    ("{max_age: 730d, include_subdomains: true, preload: true}", f"max-age={730 * DAY_S}; includeSubDomains; preload")])
def test_hsts_by_configuration(server, certs, given, value):
    s = server(config(certs.leaf(NAME, age_days=90), f", hsts: {given}"))
    assert s.curl("/", name=NAME, cafile=certs.root).headers.get("strict-transport-security") == value


def test_hsts_on_errors_too_and_not_on_port_80(server, certs):
    pair = certs.leaf(NAME, age_days=60)
    s = server(f"sites: {{{NAME}: {{tls: {{cert: {pair.cert}, key: {pair.key}}}, routes: [{{path: /x, respond: ok}}]}}}}")
    answer = s.curl("/none", name=NAME, cafile=certs.root)
    assert answer.status == 404 and answer.headers["strict-transport-security"] == f"max-age={730 * DAY_S}"
    assert "strict-transport-security" not in s.curl("/x", name=NAME, scheme="http").headers


def test_hsts_of_an_upstream_is_replaced(server, certs, upstream):
    def script(call):
        while head := call.read_head():
            call.answer(fields=[("Strict-Transport-Security", "max-age=1"), ("X-Content-Type-Options", "nosniff")],
                        method=head[0])
    pair = certs.leaf(NAME, age_days=60)
    s = server(f"sites: {{{NAME}: {{proxy: '{upstream(script).url}', tls: {{cert: {pair.cert}, key: {pair.key}}}}}}}")
    answer = s.curl("/", name=NAME, cafile=certs.root)
    assert answer.headers.all("strict-transport-security") == [f"max-age={730 * DAY_S}"]
    assert answer.headers.all("x-content-type-options") == ["nosniff"]


def test_nosniff_everywhere(server, site, upstream):
    s = server(f"""
sites:
  localhost:
    routes:
      - {{path: /app, proxy: "{upstream().url}"}}
      - {{path: /fixed, respond: ok}}
      - {{path: /, root: {site}}}
""")
    for path in ("/app", "/fixed", "/", "/none"):
        assert s.curl(path).headers["x-content-type-options"] == "nosniff", path


def test_fields_add_up_down_the_tree(server, upstream):
    def script(call):
        while head := call.read_head():
            call.answer(fields=[("X-Powered-By", "old php"), ("X-A", "upstream"), ("Server", "app")], method=head[0])
    s = server(f"""
headers: {{set: {{X-A: server, X-S: server}}, add: {{X-List: server}}}}
sites:
  localhost:
    headers: {{set: {{X-A: site}}, add: {{X-List: site}}, remove: [X-Powered-By]}}
    routes:
      - path: /deep
        proxy: "{upstream(script).url}"
        headers: {{set: {{X-A: route}}, add: {{X-List: route}}, remove: X-S}}
      - {{path: /, respond: ok}}
  other.localhost: {{respond: ok}}
""")
    deep, flat, other = s.curl("/deep").headers, s.curl("/").headers, s.curl("/", name="other.localhost").headers
    assert deep.all("x-a") == ["route"] and deep.all("x-list") == ["server", "site", "route"]
    assert "x-powered-by" not in deep and "x-s" not in deep
    assert flat.all("x-a") == ["site"] and flat.all("x-list") == ["server", "site"] and flat["x-s"] == "server"
    assert other.all("x-a") == ["server"] and other.all("x-list") == ["server"]
