# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Certificates on demand: only behind a gate, within budgets, and never a way to make us order what strangers want."""

import concurrent.futures

import pytest
from lib.acme import config, issued, leaf
from lib.fakeca import running_fake, stop_fake
from lib.upstream import Upstream
from lib.wait import wait_for

SITE = {"*.od.example.com": {"respond": "on demand", "on_demand": True}}


@pytest.fixture(name="ca")
def fixture_ca():
    ca = running_fake()
    yield ca
    stop_fake(ca)


def gate(allowed):
    """An ask endpoint; .requests tells what it was asked."""
    def script(call):
        while head := call.read_head():
            name = head[1].rpartition("domain=")[2]
            call.answer(b"", "200 OK" if name in allowed else "403 Forbidden")
    return Upstream(script)


def touch(s, name):
    try:
        leaf(s, name)
    except OSError:
        pass


def test_allowed_by_list(server, ca, tmp_path):
    acme = {"on_demand": {"allow": [".od.example.com"]}}
    s = server(config(tmp_path, ca, sites=SITE, acme=acme), ports=ca.server_ports)
    assert ca.log == [] or not ca.count("newOrder")
    touch(s, "first.od.example.com")
    issued(s, "first.od.example.com", ca.root)
    assert ca.seen("newOrder")[0].payload["identifiers"] == [{"type": "dns", "value": "first.od.example.com"}]
    for _ in range(5):
        leaf(s, "first.od.example.com", ca.root)
    assert ca.count("newOrder") == 1


def test_not_on_the_list(server, ca, tmp_path):
    acme = {"on_demand": {"allow": ["good.od.example.com"]}}
    s = server(config(tmp_path, ca, sites=SITE, acme=acme), ports=ca.server_ports)
    for name in ("bad.od.example.com", "x.good.od.example.com"):
        touch(s, name)
    touch(s, "good.od.example.com")
    issued(s, "good.od.example.com", ca.root)
    assert ca.count("newOrder") == 1


def test_ask(server, ca, tmp_path):
    """Asked once for a name, also for the one that is denied."""
    asked = gate({"yes.od.example.com"})
    try:
        acme = {"on_demand": {"ask": f"{asked.url}/may-i"}}
        s = server(config(tmp_path, ca, sites=SITE, acme=acme), ports=ca.server_ports)
        for _ in range(5):
            touch(s, "no.od.example.com")
        touch(s, "yes.od.example.com")
        issued(s, "yes.od.example.com", ca.root)
        targets = [t for _, t, _ in asked.requests]
        assert "/may-i?domain=yes.od.example.com" in targets
        assert targets.count("/may-i?domain=no.od.example.com") == 1
        assert ca.count("newOrder") == 1
    finally:
        asked.stop()


def test_a_flood_of_names(server, ca, tmp_path):
    """A hundred names of one client: orders stay within the budget, and ordinary names are served meanwhile."""
    acme = {"on_demand": {"allow": [".od.example.com"]}}
    s = server(config(tmp_path, ca, "plain.example.com", sites=SITE, acme=acme), ports=ca.server_ports)
    issued(s, "plain.example.com", ca.root)
    with concurrent.futures.ThreadPoolExecutor(25) as crowd:
        list(crowd.map(lambda i: touch(s, f"n{i}.od.example.com"), range(100)))
    leaf(s, "plain.example.com", ca.root)
    wait_for(lambda: ca.count("newOrder") > 1, "the first orders")
    s.report()
    assert ca.count("newOrder") <= 1 + 20


def test_after_a_restart(server, ca, tmp_path):
    """What was got on demand is there at once."""
    acme = {"on_demand": {"allow": [".od.example.com"]}}
    text = config(tmp_path, ca, sites=SITE, acme=acme)
    first = server(text, ports=ca.server_ports)
    touch(first, "again.od.example.com")
    serial = issued(first, "again.od.example.com", ca.root).serial_number
    assert first.stop() == 0
    again = type(first)(text, tmp_path, ports=ca.server_ports).start()
    try:
        touch(again, "again.od.example.com")
        assert issued(again, "again.od.example.com", ca.root).serial_number == serial
        assert ca.count("newOrder") == 1
    finally:
        assert again.look_over() == []
