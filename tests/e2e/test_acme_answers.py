# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Challenges answered in place by every worker: http-01 before all rules of port 80, tls-alpn-01 inside the handshake."""

import ssl

import pytest

from lib import acme
from lib.link import tcp
from lib.pebble import running_pebble


@pytest.fixture(scope="module")
def ca():
    with running_pebble() as pebble:
        yield pebble


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01"])
def test_a_name_is_proven(server, ca, tmp_path, challenge):
    name = f"{challenge}.example.com"
    config = acme.config(tmp_path, ca, sites={name: {"respond": "x", "api": True}}, acme={"challenges": [challenge]})
    s = server(config, ports=ca.server_ports, workers=2)
    acme.issued(s, name, ca.roots())
    seen = s.events.find("challenge_seen")
    assert seen and {e["type"] for e in seen} == {challenge} and {e["name"] for e in seen} == {name}
    with s.tls(name, cafile=ca.roots()) as link:
        assert link.get("/", host=name).status == 200


def test_only_443(server, ca, tmp_path):
    s = server(acme.config(tmp_path, ca, "only.example.com", only_443=True), ports=ca.server_ports)
    acme.issued(s, "only.example.com", ca.roots())


def handshake(s, name, protocols):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    with tcp(s.https_port) as plain, context.wrap_socket(plain, server_hostname=name) as sock:
        return sock.selected_alpn_protocol()


def test_without_a_challenge(server):
    s = server("sites: {localhost: {respond: ok}}")
    for name in ("localhost", "elsewhere.example.com"):
        with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
            handshake(s, name, ["acme-tls/1"])
    assert handshake(s, "localhost", ["acme-tls/1", "h2"]) == "h2"
    assert handshake(s, "localhost", ["http/1.1", "acme-tls/1"]) == "http/1.1"
    assert not s.events.find("challenge_seen")
