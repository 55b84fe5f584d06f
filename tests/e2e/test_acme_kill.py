# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""kill -9 of the keeper at every step of an order: the next keeper goes on where the dead one stood."""

import os
import signal

import pytest
from lib.acme import Load, Store, config, issued, leaf
from lib.cascript import Hold
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "kill.example.com"

# step that is held; whether the CA has done its work; orders that this may cost; certificates that this may cost
STEPS = [("newAccount", True, 1, 1), ("newOrder", False, 1, 1), ("newOrder", True, 2, 1), ("authz", True, 1, 1),
         ("challenge", False, 1, 1), ("challenge", True, 1, 1), ("finalize", False, 1, 1), ("finalize", True, 1, 1),
         ("order", True, 1, 1), ("certificate", False, 1, 1), ("certificate", True, 1, 1)]


@pytest.fixture(name="ca")
def fixture_ca():
    ca = running_fake(challenges=["http-01"], processing=1)
    yield ca
    stop_fake(ca)


def die(s):
    """The keeper's death, and its successor."""
    keeper = s.keeper_pid()
    os.kill(keeper, signal.SIGKILL)
    s.events.wait("child_died", pid=keeper)
    wait_for(lambda: (lambda k: k["state"] == "ready" and k["pid"] != keeper)(s.report()["keeper"][0]), "the new keeper")


@pytest.mark.parametrize("step,after,orders,certificates", STEPS)
def test_killed(server, ca, tmp_path, step, after, orders, certificates):
    hold = Hold(after)
    ca.on(step, hold, times=1)
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    hold.wait()
    die(s)
    hold.cut()
    cert = issued(s, NAME, ca.root, 30)
    assert ca.count("newOrder", status=201) + (step == "newOrder" and after) <= orders
    assert len(ca.certs) <= certificates
    assert len(ca.accounts) == 1
    store = Store(s)
    assert wait_for(lambda: store.current(NAME), "the store").serial_number == cert.serial_number
    assert not (store.lineage(NAME) / "pending.key").exists()


@pytest.mark.parametrize("step,after", [("finalize", True), ("order", True), ("certificate", True)])
def test_killed_during_a_renewal(server, ca, tmp_path, step, after):
    """Clients never notice, and what is stored is never torn."""
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    old = issued(s, NAME, ca.root)
    hold = Hold(after)
    ca.on(step, hold, times=1)
    load = Load(s, [NAME], ca.root, threads=1)
    order = s.background("cert", "renew", "--force", NAME)
    hold.wait()
    die(s)
    assert Store(s).current(NAME).serial_number == old.serial_number
    hold.cut()
    new = issued(s, NAME, ca.root, 30, other_than=[old.serial_number])
    assert load.stop().failed == []
    assert len(ca.certs) == 2
    assert Store(s).current(NAME).serial_number == new.serial_number
    order.communicate(timeout=30)


def test_killed_again_and_again(server, ca, tmp_path):
    """The whole server, at moments that nobody chose: the CA sees no more than one certificate."""
    text, s = config(tmp_path, ca, NAME), None
    for step in ("newAccount", "authz", "challenge", "finalize", "certificate"):
        hold = Hold()
        ca.on(step, hold, times=1)
        s = type(s)(text, tmp_path, ports=ca.server_ports).start() if s else server(text, ports=ca.server_ports)
        hold.wait()
        s.kill()
        s.ended()
        hold.cut()
    last = type(s)(text, tmp_path, ports=ca.server_ports).start()
    try:
        issued(last, NAME, ca.root)
        assert len(ca.certs) == 1 and ca.count("newOrder") == 1
        assert leaf(last, NAME, ca.root)
    finally:
        assert last.look_over() == []
