# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Names come and go by reload: new ones get their certificate, others are not touched."""

import pytest
from lib.acme import config, issued, leaf, names_of, rows
from lib.pebble import running_pebble


@pytest.fixture(scope="module", name="ca")
def fixture_ca():
    with running_pebble() as ca:
        yield ca


def test_a_name_more(server, ca, tmp_path):
    s = server(config(tmp_path, ca, "one.example.com"), ports=ca.server_ports)
    serial = issued(s, "one.example.com", ca.roots()).serial_number
    s.reload(config(tmp_path, ca, "one.example.com", "two.example.com"))
    issued(s, "two.example.com", ca.roots())
    assert leaf(s, "one.example.com", ca.roots()).serial_number == serial
    before = ca.requests("/order-plz")
    s.reload(config(tmp_path, ca, "two.example.com"))
    assert [r["name"] for r in rows(s)] == ["two.example.com"]
    s.reload(config(tmp_path, ca, "one.example.com", "two.example.com"))
    issued(s, "one.example.com", ca.roots())
    assert leaf(s, "one.example.com", ca.roots()).serial_number == serial
    assert ca.requests("/order-plz") == before


def test_an_alias_more(server, ca, tmp_path):
    """The set of names has changed: a new certificate, and the old one until then."""
    sites = {"set.example.com": {"respond": "set"}}
    s = server(config(tmp_path, ca, sites=sites), ports=ca.server_ports)
    old = issued(s, "set.example.com", ca.roots())
    sites["set.example.com"]["aliases"] = ["more.example.com"]
    s.reload(config(tmp_path, ca, sites=sites))
    leaf(s, "set.example.com", ca.roots())  # never without one
    new = issued(s, "more.example.com", ca.roots())
    assert names_of(new) == {"set.example.com", "more.example.com"}
    issued(s, "set.example.com", ca.roots(), other_than=[old.serial_number])


def test_from_files_to_acme_and_back(server, ca, tmp_path, certs):
    pair = certs.leaf("own.example.com")
    own = {"own.example.com": {"respond": "own", "tls": {"cert": str(pair.cert), "key": str(pair.key)}}}
    s = server(config(tmp_path, ca, sites=own), ports=ca.server_ports)
    leaf(s, "own.example.com", certs.root)
    before = ca.requests("/order-plz")
    s.reload(config(tmp_path, ca, "own.example.com"))
    issued(s, "own.example.com", ca.roots())
    assert ca.requests("/order-plz") == before + 1
    s.reload(config(tmp_path, ca, sites=own))
    leaf(s, "own.example.com", certs.root)
