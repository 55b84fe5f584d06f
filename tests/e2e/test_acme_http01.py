# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""http-01: a name in the configuration is enough; port 80 answers the CA before anything else that it does."""

import os
import stat
import time

import pytest
from lib.acme import Store, config, issued, leaf, names_of, row
from lib.pebble import running_pebble

ONLY = {"challenges": ["http-01"]}


@pytest.fixture(scope="module", name="ca")
def fixture_ca():
    with running_pebble() as ca:
        yield ca


def test_a_name_is_enough(server, ca, tmp_path):
    """All defaults but the CA: the certificate is there within seconds of the start, and port 80 redirects as before."""
    began = time.monotonic()
    s = server(config(tmp_path, ca, "www.example.com"), ports=ca.server_ports)
    cert = issued(s, "www.example.com", ca.roots())
    assert time.monotonic() - began < 15
    assert names_of(cert) == {"www.example.com"}
    assert s.curl("/", name="www.example.com", cafile=ca.roots()).text == "www.example.com"
    with s.plain() as link:
        assert link.get("/x", host="www.example.com").status in (301, 308)
        assert link.get("/.well-known/acme-challenge/none", host="www.example.com").status == 404
    assert ca.status_by_serial(cert.serial_number)["Status"] == "Valid"


def test_every_worker_answers(server, ca, tmp_path):
    """Pebble validates each challenge three times, over connections that any worker may get."""
    names = [f"n{i}.workers.example.com" for i in range(4)]
    s = server(config(tmp_path, ca, *names, acme=ONLY), ports=ca.server_ports, workers=3)
    for name in names:
        issued(s, name, ca.roots())
    for _ in range(9):  # and every worker has the pair
        for name in names:
            leaf(s, name, ca.roots())


def test_before_all_rules_of_the_site(server, ca, tmp_path):
    """A site that answers 403 on port 80, and one whose routes take everything."""
    sites = {"api.example.com": {"api": True, "respond": "api", "aliases": ["second.api.example.com"]},
             "all.example.com": {"routes": [{"path": "/", "redirect": "https://elsewhere.example.com"}]}}
    s = server(config(tmp_path, ca, sites=sites, acme=ONLY), ports=ca.server_ports)
    assert names_of(issued(s, "api.example.com", ca.roots())) == {"api.example.com", "second.api.example.com"}
    issued(s, "all.example.com", ca.roots())
    leaf(s, "second.api.example.com", ca.roots())
    with s.plain() as link:
        assert link.get("/", host="api.example.com").status == 403


def test_the_store(server, ca, tmp_path):
    """Everything under the state directory is the server's alone, and whole."""
    s = server(config(tmp_path, ca, "store.example.com", acme=ONLY), ports=ca.server_ports)
    cert = issued(s, "store.example.com", ca.roots())
    store = Store(s)
    assert store.current("store.example.com").serial_number == cert.serial_number
    assert not (store.lineage("store.example.com") / "pending.key").exists()
    for base in (store.path, s.state / "accounts"):
        for place, folders, files in os.walk(base):
            for name in folders:
                assert stat.S_IMODE(os.lstat(os.path.join(place, name)).st_mode) in (0o700, 0o777), (place, name)
            for name in files:
                assert stat.S_IMODE(os.lstat(os.path.join(place, name)).st_mode) == 0o600, (place, name)


def test_a_restart_orders_nothing(server, ca, tmp_path):
    """The stored certificate is served from the first handshake on, CA or no CA."""
    text = config(tmp_path, ca, "again.example.com", acme=ONLY)
    first = server(text, ports=ca.server_ports)
    serial = issued(first, "again.example.com", ca.roots()).serial_number
    assert first.stop() == 0
    before = ca.requests("/order-plz")
    again = type(first)(text, tmp_path, ports=ca.server_ports).start()
    try:
        assert leaf(again, "again.example.com", ca.roots()).serial_number == serial
        assert row(again, "again.example.com")["kind"] == "acme"
        assert ca.requests("/order-plz") == before
    finally:
        assert again.look_over() == []
