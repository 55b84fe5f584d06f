# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""An expired certificate never stops the server: it starts, serves and shouts."""

import ssl

import pytest
from lib.certs import replace


def config(pair):
    return f"sites: {{localhost: {{respond: ok, tls: {{cert: {pair.cert}, key: {pair.key}}}}}}}"


def test_expired_serves_and_shouts(server, certs):
    s = server(config(certs.leaf("localhost", days=-3)))
    with s.tls(cafile=False) as link:
        assert link.get("/").text == "ok"
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        s.tls(cafile=certs.root)
    event = s.events.wait("certificate_expired", site="localhost")
    assert event["level"] == "error" and event["days_ago"] in (2, 3)
    status = s.verb("status")
    assert status.returncode == 1 and "EXPIRED" in status.stdout and "renew" in status.stdout
    report = s.report()["sites"][0]["certificates"][0]
    assert report["expired"] and report["days_left"] < 0
    metric = [(k, v) for k, v in s.metrics().items() if "certificate" in k and "localhost" in k]
    assert metric and all(v < s.report()["now"] for _, v in metric)


def test_soon_to_expire_is_told(server, certs):
    s = server(config(certs.leaf("localhost", days=5)))
    event = s.events.wait("certificate_expiring", site="localhost")
    assert event["level"] == "warning" and event["days_left"] in (4, 5)
    assert s.verb("status").returncode == 0


def test_healthy_certificate_is_silent(server, certs):
    s = server(config(certs.leaf("localhost", days=80)))
    assert s.curl("/", cafile=certs.root).status == 200
    assert s.verb("status").returncode == 0
    assert not [e for e in s.events.rows() if e["event"].startswith("certificate")]


def test_expired_replacement_is_used_and_told(server, certs):
    """The files are the owner's word: an expired one is served, with the shout."""
    pair, stale = certs.leaf("localhost"), certs.leaf("localhost", days=-1)
    s = server(config(pair))
    replace(pair.key, stale.key.read_bytes())
    replace(pair.cert, stale.cert.read_bytes())
    s.events.wait("certificate_expired", site="localhost")
    with s.tls(cafile=False) as link:
        assert link.get("/").text == "ok"
