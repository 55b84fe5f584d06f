# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Renewal information of the CA (RFC 9773) in every shape, sane and insane."""

import pytest
from lib.acme import config, issued, leaf, row
from lib.cascript import answer, fail, plain, window
from lib.castore import certificate_id
from lib.clock import DAY, HOUR, MINUTE, Clock
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "ari.example.com"


@pytest.fixture(name="clock")
def fixture_clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture(name="ca")
def fixture_ca(clock):
    ca = running_fake(clock=clock, challenges=["http-01"])
    yield ca
    stop_fake(ca)


@pytest.fixture(name="begin")
def fixture_begin(server, ca, clock, tmp_path):
    return lambda **how: server(config(tmp_path, ca, NAME, **how), ports=ca.server_ports, env=clock.env)



def test_inside_the_window(begin, ca, clock):
    """Asked right after the issue; one time inside the window is drawn, told, kept, and acted on."""
    s = begin()
    old = issued(s, NAME, ca.root)
    ca.wait("renewalInfo")
    assert ca.seen("renewalInfo")[0].path.endswith(certificate_id(old))
    begun = ca.seen("certificate")[0].at
    middle, width = begun + 60 * DAY, 90 * DAY / 50
    plan = wait_for(lambda: (lambda r: r if r.get("renewal_reason", "").find("CA") >= 0 else None)(row(s, NAME)), "the plan")
    assert middle - width / 2 - 60 <= plan["renewal"] <= middle + width / 2 + 60
    clock.turn(30 * DAY)
    wait_for(lambda: ca.count("renewalInfo") >= 2, "another look")
    assert row(s, NAME)["renewal"] == plan["renewal"]
    clock.turn_to(plan["renewal"])
    issued(s, NAME, ca.root, other_than=[old.serial_number])
    order = ca.seen("newOrder")[-1]
    assert order.payload["replaces"] == certificate_id(old)


def test_without(server, clock, tmp_path):
    """A CA that has none: two thirds of its life, and `replaces` is not sent."""
    ca = running_fake(clock=clock, ari=False)
    try:
        s = server(config(tmp_path, ca, NAME), ports=ca.server_ports, env=clock.env)
        old = issued(s, NAME, ca.root)
        begun = ca.seen("certificate")[0].at
        plan = row(s, NAME)
        assert begun + 58 * DAY <= plan["renewal"] <= begun + 62 * DAY and "two thirds" in plan["renewal_reason"]
        clock.turn_to(plan["renewal"])
        issued(s, NAME, ca.root, other_than=[old.serial_number])
        assert not ca.seen("renewalInfo") and "replaces" not in ca.seen("newOrder")[-1].payload
    finally:
        stop_fake(ca)


@pytest.mark.parametrize("life,share", [(47 * DAY, 2 / 3), (6 * DAY, 1 / 2)])
def test_other_lives(server, clock, tmp_path, life, share):
    ca = running_fake(clock=clock, ari=False, lifetime=life)
    try:
        s = server(config(tmp_path, ca, NAME), ports=ca.server_ports, env=clock.env)
        issued(s, NAME, ca.root)
        begun = ca.seen("certificate")[0].at
        assert abs(row(s, NAME)["renewal"] - begun - life * share) <= life / 40
    finally:
        stop_fake(ca)


def test_past_window_of_a_young_certificate(begin, ca, clock):
    """One odd answer renews nothing; the same answer twice does (mass revocation), and only once."""
    past = window(clock.now() - 2 * DAY, clock.now() - DAY, retry_after=60, explanation="https://ca.invalid/why")
    ca.on("renewalInfo", past, times=1)
    s = begin()
    first = issued(s, NAME, ca.root)
    ca.wait("renewalInfo", 1)
    clock.turn(3 * HOUR)
    ca.wait("renewalInfo", 2)
    clock.turn(HOUR)
    s.report()
    assert len(ca.certs) == 1
    ca.on("renewalInfo", past, when=lambda call: call.id == certificate_id(first))
    clock.turn(8 * HOUR)
    ca.wait("renewalInfo", 3)
    clock.turn(8 * HOUR)
    issued(s, NAME, ca.root, other_than=[first.serial_number])
    clock.turn(8 * HOUR)
    s.report()
    assert len(ca.certs) == 2
    assert "https://ca.invalid/why" in s.events.text()


def test_window_moved_to_now(begin, ca, clock):
    """In the middle of its life the CA wants it gone: done at once."""
    s = begin()
    old = issued(s, NAME, ca.root)
    ca.wait("renewalInfo")
    clock.turn(30 * DAY)
    ca.on("renewalInfo", window(clock.now() - 2 * HOUR, clock.now() - HOUR, retry_after=3600), times=4)
    clock.turn(DAY)
    wait_for(lambda: clock.turn(HOUR) or len(ca.certs) == 2, "the renewal", 5)
    issued(s, NAME, ca.root, other_than=[old.serial_number])


ODD = {
    "inverted": window("2027-02-02T00:00:00Z", "2027-02-01T00:00:00Z"),
    "no JSON": answer(b"<html>"),
    "no window": answer({"explanationURL": "https://ca.invalid/"}),
    "numbers": answer({"suggestedWindow": {"start": 1, "end": 2}}),
    "empty": answer(b""),
    "gone": fail("malformed", status=404),
    "broken": plain(500),
    "far": window("9999-01-01T00:00:00Z", "9999-01-02T00:00:00Z"),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_answers(begin, ca, clock, kind):
    """None of them stops a renewal in time, and none is asked for again in a hurry."""
    ca.on("renewalInfo", ODD[kind])
    s = begin()
    old = issued(s, NAME, ca.root)
    ca.wait("renewalInfo")
    begun = ca.seen("certificate")[0].at
    for _ in range(3):
        clock.turn(20)
        s.report()
    assert ca.count("renewalInfo") <= 3
    plan = row(s, NAME)
    assert plan["renewal"] <= begun + 90 * DAY * 0.96
    clock.turn_to(begun + 90 * DAY * 0.96)
    issued(s, NAME, ca.root, other_than=[old.serial_number])


@pytest.mark.parametrize("seconds,low,high", [(1, MINUTE, MINUTE), (3 * HOUR, 3 * HOUR, 3 * HOUR), (90 * DAY, DAY, DAY),
                                              (None, 6 * HOUR, 6 * HOUR)])
def test_how_often(begin, ca, clock, seconds, low, high):
    """Retry-After between a minute and a day, give or take a tenth; six hours without one."""
    soon = clock.now() + 50 * DAY
    ca.on("renewalInfo", window(soon, soon + DAY, retry_after=seconds))
    s = begin()
    issued(s, NAME, ca.root)
    ca.wait("renewalInfo")
    clock.turn(int(low * 0.85) - 5)
    s.report()
    s.report()
    assert ca.count("renewalInfo") == 1
    clock.turn(int(high * 1.15) + 5 - int(low * 0.85) + 5)
    ca.wait("renewalInfo", 2)


@pytest.mark.parametrize("refusal", [fail("alreadyReplaced", "it was replaced by another client"),
                                     fail("malformed", "could not find the certificate to replace", status=404),
                                     fail("unauthorized", "replaces: not yours"),
                                     fail("conflict", "replaces", status=409)])
def test_replaces_refused(begin, ca, clock, refusal):
    """The same order once more without it, in the same attempt."""
    s = begin()
    old = issued(s, NAME, ca.root)
    ca.on("newOrder", refusal, when=lambda call: "replaces" in call.payload)
    clock.turn_to(row(s, NAME)["renewal"])
    issued(s, NAME, ca.root, other_than=[old.serial_number])
    assert ["replaces" in o.payload for o in ca.seen("newOrder")] == [False, True, False]
    assert not row(s, NAME).get("failures")


def test_replaces_only_at_the_same_ca_and_account(begin, ca, clock):
    """Another account: `replaces` would only be refused."""
    s = begin()
    old = issued(s, NAME, ca.root)
    ca.forget_accounts()
    clock.turn_to(row(s, NAME)["renewal"])
    issued(s, NAME, ca.root, 30, other_than=[old.serial_number])
    assert "replaces" not in ca.seen("newOrder", status=201)[-1].payload


def test_late(begin, ca, clock):
    """Less than a twentieth of its life is left: renewed, whatever the CA suggests."""
    s = begin()
    old = issued(s, NAME, ca.root)
    end = ca.seen("certificate")[0].at + 90 * DAY
    ca.wait("renewalInfo")
    ca.on("renewalInfo", window(end + DAY, end + 2 * DAY))
    clock.turn(DAY)
    ca.wait("renewalInfo", 2)
    clock.turn_to(end - 90 * DAY / 21)
    issued(s, NAME, ca.root, other_than=[old.serial_number])
    assert leaf(s, NAME, ca.root)
