# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""The CA has forgotten our account (it was set up anew): found out, registered again once, and nothing is lost."""

import pytest
from lib.acme import Load, config, issued
from lib.cascript import fail
from lib.fakeca import running_fake, stop_fake
from lib.pebble import running_pebble

NAME = "lost.example.com"


@pytest.fixture(scope="module", name="ca")
def fixture_ca():
    with running_pebble() as ca:
        yield ca


def test_ca_restarted(server, ca, tmp_path):
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    old_root = ca.roots().rename(tmp_path / "old-root.pem")
    old = issued(s, NAME, old_root)
    load = Load(s, [NAME], old_root, threads=1)
    ca.restart()
    assert load.stop().failed == []
    done = s.verb("cert", "renew", "--force", NAME)
    assert done.returncode == 0, done.stdout + done.stderr
    issued(s, NAME, ca.roots(), other_than=[old.serial_number])


def test_found_again_by_its_key(server, tmp_path):
    """Only the key is left of the account: onlyReturnExisting, no second registration."""
    ca = running_fake()
    try:
        text = config(tmp_path, ca, NAME)
        first = server(text, ports=ca.server_ports)
        issued(first, NAME, ca.root)
        assert first.stop() == 0
        for path in (first.state / "accounts").rglob("account.json"):
            path.unlink()
        again = type(first)(text, tmp_path, ports=ca.server_ports).start()
        try:
            done = again.verb("cert", "renew", "--force", NAME)
            assert done.returncode == 0, done.stdout + done.stderr
        finally:
            assert again.look_over() == []
        asked = [s.payload.get("onlyReturnExisting", False) for s in ca.seen("newAccount")]
        assert asked == [False, True] and len(ca.accounts) == 1
    finally:
        stop_fake(ca)


def test_registers_again_only_so_often(server, tmp_path):
    """A CA that denies every account costs a few registrations, not an endless row of them."""
    ca = running_fake()
    try:
        s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
        issued(s, NAME, ca.root)
        ca.on("newOrder", fail("accountDoesNotExist"))
        before = ca.count("newAccount", status=201)
        for _ in range(4):
            ca.forget_accounts()
            s.verb("cert", "renew", "--force", NAME)
        assert ca.count("newAccount", status=201) - before <= 2
    finally:
        stop_fake(ca)
