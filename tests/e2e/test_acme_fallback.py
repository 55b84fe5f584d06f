# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""A second CA as fallback: asked when the first one cannot, and left again when it can."""

import pytest
from lib.acme import Load, attempt, config, issued, leaf, row
from lib.cascript import fail, plain
from lib.clock import DAY, HOUR, Clock
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "two.example.com"


@pytest.fixture(name="clock")
def fixture_clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture(name="cas")
def fixture_cas(clock):
    cas = [running_fake(clock=clock), running_fake(clock=clock)]
    cas[1].server_ports.release()
    cas[1].server_ports = cas[0].server_ports
    yield cas
    for ca in cas:
        stop_fake(ca)


@pytest.fixture(name="begin")
def fixture_begin(server, cas, clock, tmp_path):
    return lambda: server(config(tmp_path, cas, NAME), ports=cas[0].server_ports, env=clock.env)


def until_the_second(s, cas, clock, most=12):
    """Lets attempts go by until the second CA has given a certificate."""
    for _ in range(most):
        wait_for(lambda: row(s, NAME).get("failures") or cas[1].count("certificate"), "the end of an attempt", 20)
        if cas[1].count("certificate"):
            return
        attempt(s, clock, NAME)
    raise AssertionError(f"the second CA was not asked within {most} attempts")


def test_first_works(begin, cas):
    s = begin()
    issued(s, NAME, cas[0].root)
    assert cas[1].log == []


@pytest.mark.parametrize("kind", ["down", "broken", "limited"])
def test_first_cannot(begin, cas, clock, kind):
    """Before long the second one is asked; each has an account of its own."""
    if kind == "down":
        cas[0].down()
    elif kind == "broken":
        cas[0].on("newOrder", plain(500))
    else:
        cas[0].on("newOrder", fail("rateLimited", retry_after=7 * DAY))
    s = begin()
    until_the_second(s, cas, clock)
    issued(s, NAME, cas[1].root)
    assert cas[1].directory in row(s, NAME)["directory"]
    if kind == "down":
        cas[0].up()


def test_back_to_the_first(begin, cas, clock):
    """The next renewal begins with the first one, without `replaces` of the other CA's certificate."""
    cas[0].down()
    s = begin()
    until_the_second(s, cas, clock)
    old = issued(s, NAME, cas[1].root)
    cas[0].up()
    clock.turn_to(row(s, NAME)["renewal"])
    issued(s, NAME, cas[0].root, other_than=[old.serial_number])
    assert "replaces" not in cas[0].seen("newOrder")[-1].payload


def test_validation_failures_are_not_taken_elsewhere(begin, cas, clock):
    """What one CA cannot prove the next one cannot either, or not at once: both buckets are respected."""
    for ca in cas:
        ca.verdict = lambda name, kind: ("connection", "nobody there")
    s = begin()
    began = clock.now()
    told = wait_for(lambda: (lambda r: r if r.get("failures") else None)(row(s, NAME)), "a failure", 20)
    while told["renewal"] < began + HOUR:
        told = attempt(s, clock, NAME)
    for ca in cas:
        assert len([c for c in ca.chals.values() if c.error]) <= 4


def test_renewal_at_the_second(begin, cas, clock):
    """The first dies while its certificate is in use: nobody notices."""
    s = begin()
    old = issued(s, NAME, cas[0].root)
    at = row(s, NAME)["renewal"]
    cas[0].down()
    load = Load(s, [NAME], cas[0].root, threads=1)
    clock.turn_to(at)
    assert leaf(s, NAME, cas[0].root).serial_number == old.serial_number
    assert load.stop().failed == []
    until_the_second(s, cas, clock)
    issued(s, NAME, cas[1].root)
    cas[0].up()
