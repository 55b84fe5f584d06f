# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""A staging CA: tried before production is asked again after a failed validation, and never more than a test."""

import json

import pytest
from lib.acme import Store, attempt, config, issued, row, temporary
from lib.cascript import fail
from lib.clock import HOUR, Clock
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "probe.example.com"


@pytest.fixture(name="clock")
def fixture_clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture(name="cas")
def fixture_cas(clock):
    """Production, staging."""
    cas = [running_fake(clock=clock), running_fake(clock=clock)]
    cas[1].server_ports.release()
    cas[1].server_ports = cas[0].server_ports
    yield cas
    for ca in cas:
        stop_fake(ca)


@pytest.fixture(name="begin")
def fixture_begin(server, cas, clock, tmp_path):
    """Starts with a validation at production that fails; the row then."""
    def begin():
        cas[0].verdict = lambda name, kind: ("connection", "nobody there")
        text = json.loads(config(tmp_path, cas, NAME))
        text["acme"] |= {"directory": [cas[0].directory], "staging": cas[1].directory}
        s = server(json.dumps(text), ports=cas[0].server_ports, env=clock.env)
        told = wait_for(lambda: (lambda r: r if r.get("failures") else None)(row(s, NAME)), "the failure", 20, s.events.text)
        assert cas[1].log == [] and told["directory"] == cas[0].directory
        return s
    return begin


def test_success_there_leads_back_at_once(begin, cas, clock):
    """No second wait: the clock is not turned again."""
    s = begin()
    cas[0].verdict = None
    clock.turn_to(row(s, NAME)["renewal"])
    cert = issued(s, NAME, cas[0].root)
    assert s.events.wait("staging_succeeded")["directory"] == cas[1].directory
    assert cas[1].count("finalize") == 1 and cas[0].count("newOrder") == 2
    assert cas[1].seen("finalize")[0].at <= cas[0].seen("newOrder")[1].at
    assert cert.serial_number == Store(s).current(NAME).serial_number
    assert cert.serial_number not in cas[1].serials()


def test_failure_there_spends_nothing_at_production(begin, cas, clock):
    s = begin()
    cas[1].verdict = cas[0].verdict
    for _ in range(2):
        attempt(s, clock, NAME)
    assert cas[0].count("newOrder") == 1 and cas[1].count("newOrder") == 2
    assert temporary(s, NAME) and Store(s).generations(NAME) == []
    cas[0].verdict = cas[1].verdict = None
    clock.turn_to(row(s, NAME)["renewal"])
    issued(s, NAME, cas[0].root)
    assert cas[0].count("newOrder") == 2


def test_limited_production_is_waited_for(begin, cas, clock):
    """429 after a probe that went well: production is what the next attempts ask, when it said, and staging is left alone."""
    s = begin()
    cas[0].verdict = None
    limit = cas[0].on("newOrder", fail("rateLimited", retry_after=3 * HOUR))
    clock.turn_to(row(s, NAME)["renewal"])
    s.events.wait("rate_limited")
    assert cas[1].count("newOrder") == 1
    told = wait_for(lambda: (lambda r: r if r["failures"] == 2 else None)(row(s, NAME)), "the limit to be told", 20)
    assert told["last_problem"] == "rateLimited"
    assert told["renewal"] - clock.now() >= 3 * HOUR - 5
    attempt(s, clock, NAME)
    assert cas[1].count("newOrder") == 1 and cas[0].count("newOrder") == 3
    assert temporary(s, NAME) and Store(s).generations(NAME) == []
    cas[0].off(limit)
    clock.turn_to(row(s, NAME)["renewal"])
    issued(s, NAME, cas[0].root)
    assert cas[1].count("newOrder") == 1
    assert len(Store(s).generations(NAME)) == 1


def test_trouble_of_staging_keeps_nobody_waiting(begin, cas, clock):
    """The probe cannot be made: the attempt after it is production's."""
    s = begin()
    cas[0].verdict = None
    cas[1].down()
    attempt(s, clock, NAME)
    assert cas[0].count("newOrder") == 1
    clock.turn_to(row(s, NAME)["renewal"])
    issued(s, NAME, cas[0].root)
    cas[1].up()
