# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Renewals in a row while clients never stop: not one handshake fails, each certificate is used within its life."""

import pytest
from lib.acme import Load, Store, config, issued, leaf
from lib.fakeca import running_fake, stop_fake
from lib.pebble import running_pebble
from lib.wait import wait_for

LIFE_S = 6


@pytest.fixture(scope="module", name="ca")
def fixture_ca():
    with running_pebble(validity=LIFE_S) as ca:
        yield ca


def test_five_in_a_row(server, ca, tmp_path):
    """The breaker (2 a day) knows certificates that live for seconds; old generations are cleaned up."""
    s = server(config(tmp_path, ca, "r1.example.com", "r2.example.com"), ports=ca.server_ports, workers=2)
    for name in ("r1.example.com", "r2.example.com"):
        issued(s, name, ca.roots())
    kept = s.tls("r1.example.com", cafile=ca.roots())
    load = Load(s, ["r1.example.com", "r2.example.com"], ca.roots())
    try:
        wait_for(lambda: len(load.serials) >= 12 or load.failed, "ten renewals", 60, lambda: s.events.text()[-3000:])
    finally:
        load.stop()
    assert load.failed == [] and load.good > 100
    assert kept.get("/", host="r1.example.com").text == "r1.example.com"  # begun under a certificate that is gone
    store = Store(s)
    assert len(store.generations("r1.example.com")) == 3
    assert int(store.generations("r1.example.com")[-1]) >= 5


def test_new_key_each_time(server, tmp_path):
    ca = running_fake(lifetime=LIFE_S)
    try:
        s = server(config(tmp_path, ca, "key.example.com"), ports=ca.server_ports)
        first = issued(s, "key.example.com", ca.root)
        second = issued(s, "key.example.com", ca.root, other_than=[first.serial_number])
        assert first.public_key().public_numbers() != second.public_key().public_numbers()
        s.reload(config(tmp_path, ca, "key.example.com", acme={"reuse_key": True}))
        third = issued(s, "key.example.com", ca.root, other_than=ca.serials()[:-1] + [second.serial_number])
        fourth = issued(s, "key.example.com", ca.root, other_than=ca.serials())
        assert third.public_key().public_numbers() == fourth.public_key().public_numbers()
        assert leaf(s, "key.example.com", ca.root)
    finally:
        stop_fake(ca)
