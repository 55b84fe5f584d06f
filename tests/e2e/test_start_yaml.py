# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Start from a YAML file: routes, fixed answers, workers, addresses."""

import pytest
from lib.ports import ipv6_works


def test_yaml_routes(server, site, upstream):
    app = upstream()
    s = server(f"""
sites:
  localhost:
    routes:
      - {{path: /api, proxy: "{app.url}"}}
      - {{path: /health, respond: ok}}
      - {{path: /, root: {site}}}
""")
    assert s.curl("/api/x").json()["target"] == "/api/x"
    assert s.curl("/health").text == "ok"
    assert s.curl("/apix").status == 404  # prefixes match whole segments
    assert s.curl("/").text == "hello\n"


def test_workers_by_option(server, site):
    s = server([f"localhost={site}"], workers=3)
    report = s.report()
    assert len({w["pid"] for w in report["workers"]}) == 3
    assert s.events.find("started")[0]["workers"] == 3
    assert s.curl("/").status == 200


def test_ipv4_and_ipv6(server, site):
    if not ipv6_works():
        pytest.skip("no IPv6 here")
    s = server([f"localhost={site}"])
    for address in ("127.0.0.1", "::1"):
        with s.tls(address=address) as link:
            assert link.get("/").text == "hello\n"
        with s.plain(address=address) as link:
            assert link.get("/").status == 308
        assert s.access.wait(client=address, status=200)


def test_listen_narrows_the_addresses(server, site):
    s = server(f"listen: 127.0.0.1\nsites: {{localhost: {{root: {site}}}}}")
    assert s.curl("/").status == 200
    with pytest.raises(ConnectionRefusedError):
        s.tcp(address="127.0.0.2")
    if ipv6_works():
        with pytest.raises(ConnectionRefusedError):
            s.tcp(address="::1")
