# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Until a CA can be reached a name is served with a temporary certificate, and nobody is left in doubt about that."""

import pytest
from lib.acme import config, issued, row, temporary
from lib.clock import HOUR, MINUTE, Clock
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "early.example.com"


@pytest.fixture(name="clock")
def fixture_clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture(name="ca")
def fixture_ca(clock):
    ca = running_fake(clock=clock)
    yield ca
    stop_fake(ca)


def test_until_the_ca_is_there(server, ca, clock, tmp_path):
    ca.down()
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports, env=clock.env)
    assert temporary(s, NAME)
    with s.tls(NAME, cafile=False) as link:
        assert link.get("/", host=NAME).text == NAME
    told = wait_for(lambda: row(s, NAME).get("last_error"), "the failure to be told", 20, s.events.text)
    assert str(ca.port) in told or "refused" in told, told
    assert row(s, NAME)["kind"] == "temporary"
    status = s.verb("status")
    assert status.returncode == 1 and NAME in status.stdout and "temporary" in status.stdout
    wait = row(s, NAME)["renewal"] - clock.now()
    assert 30 < wait <= 80, wait  # a minute, give or take a quarter
    ca.up()
    clock.turn(2 * MINUTE)
    issued(s, NAME, ca.root)
    after = row(s, NAME)
    assert after["kind"] == "acme" and not after.get("last_error") and not after.get("failures")
    assert s.verb("status").returncode == 0
    assert not (s.state / "local" / NAME).exists()


@pytest.mark.parametrize("obstacle", [False, True], ids=["removed", "cannot be removed"])
def test_a_temporary_pair_does_not_outlive_its_purpose(server, ca, clock, tmp_path, obstacle):
    """Nor does it disturb where it has to."""
    ca.down()
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports, env=clock.env)
    place = s.state / "local" / NAME
    assert temporary(s, NAME) and (place / "key.pem").exists()
    if obstacle:
        (place / "foreign" / "directory").mkdir(parents=True)
    wait_for(lambda: row(s, NAME).get("failures"), "the failure", 20, s.events.text)
    ca.up()
    clock.turn(2 * MINUTE)
    issued(s, NAME, ca.root)
    assert place.exists() == obstacle
    assert row(s, NAME)["kind"] == "acme" and not row(s, NAME).get("last_error")


def test_patience_grows(server, ca, clock, tmp_path):
    """A minute doubling to an hour."""
    ca.down()
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports, env=clock.env)
    waits = []
    for count in range(1, 9):
        wait_for(lambda n=count: row(s, NAME).get("failures", 0) >= n, f"failure {count}", 20, s.events.text)
        waits.append(row(s, NAME)["renewal"] - clock.now())
        clock.turn_to(row(s, NAME)["renewal"])
    for i, wait in enumerate(waits):
        nominal = min(MINUTE * 2 ** i, HOUR)
        assert nominal * 0.74 - 3 <= wait <= nominal * 1.26 + 3, (i, waits)
