# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Every kind of failure with its schedule: how long the engine waits, what it spends of the CA's patience."""

import pytest
from lib.acme import Load, attempt, config, issued, leaf, row, rows, temporary
from lib.cascript import answer, changed, cut_after, cut_before, document, fail, plain
from lib.clock import DAY, HOUR, MINUTE, Clock
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "when.example.com"


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
    """begin(): a server that wants a certificate of NAME."""
    return lambda **how: server(config(tmp_path, ca, NAME, **how), ports=ca.server_ports, env=clock.env)


def failed(s, count=1, name=NAME):
    """Its row after that many failures in a row."""
    wait_for(lambda: row(s, name).get("failures", 0) >= count, f"failure {count}", 20, s.events.text)
    return row(s, name)


def between(wait, low, high):
    assert low * 0.74 - 3 <= wait <= high * 1.26 + 3, wait


# name: (step, action, class, shortest, longest wait after the first failure, without jitter)
KINDS = {
    "rate limit, seconds": ("newOrder", fail("rateLimited", retry_after=5400), "rate limit", 5400, 5400),
    "rate limit, date": ("newOrder", fail("rateLimited", retry_after=7200, as_date=True), "rate limit", 7200, 7200),
    "rate limit, no word": ("newOrder", fail("rateLimited"), "rate limit", HOUR, HOUR),
    "busy": ("newOrder", plain(503, retry_after=1800), "network", 1800, 1800),
    "busy, date": ("newOrder", plain(503, retry_after=1800, as_date=True), "network", 1800, 1800),
    "broken": ("newOrder", plain(500), "network", MINUTE, MINUTE),
    "internal": ("newOrder", fail("serverInternal"), "network", MINUTE, MINUTE),
    "cut off": ("newOrder", cut_before, "network", MINUTE, MINUTE),
    "no JSON": ("newOrder", answer(b"<html>", 201), "network", MINUTE, DAY),
    "rejected": ("newOrder", fail("rejectedIdentifier", "policy forbids it",
                                  sub=[(NAME, "rejectedIdentifier", "on our list")]), "permanent", DAY, DAY),
    "caa": ("finalize", fail("caa", "CAA record for example.com prevents issuance"), "permanent", DAY, DAY),
    "terms": ("newOrder", fail("userActionRequired", "agree to our new terms", instance="https://ca.invalid/terms/2"),
              "permanent", DAY, DAY),
    "directory": ("directory", plain(502), "network", MINUTE, MINUTE),
    "directory, busy": ("directory", plain(503, retry_after=1800), "network", 1800, 1800),
    "too many accounts": ("newAccount", fail("rateLimited", retry_after=10800), "rate limit", 10800, 10800),
}


@pytest.mark.parametrize("kind", KINDS)
def test_first_wait(begin, ca, clock, kind):
    step, action, group, low, high = KINDS[kind]
    ca.on(step, action)
    s = begin()
    told = failed(s)
    between(told["renewal"] - clock.now(), low, high)
    assert s.events.find("retry_scheduled")[-1]["class"] == group
    assert temporary(s, NAME)
    before = len(ca.log)
    clock.turn(int((told["renewal"] - clock.now()) * 0.8))
    ca.off()
    clock.turn_to(told["renewal"])
    issued(s, NAME, ca.root)
    assert len(ca.log) > before


def test_retry_after_is_obeyed(begin, ca, clock):
    """Nothing at all is asked of the CA before the time that it named."""
    ca.on("newOrder", fail("rateLimited", retry_after=5400))
    s = begin()
    told = failed(s)
    assert told["renewal"] - clock.now() >= 5395
    before = ca.count("newOrder")
    clock.turn(5300)
    assert s.report()  # several looks of the engine went by
    assert ca.count("newOrder") == before
    ca.off()
    clock.turn(5400)
    issued(s, NAME, ca.root)


def test_the_words_of_the_ca(begin, ca):
    """Verbatim, with its subproblems, where people look."""
    ca.on("newOrder", fail("rejectedIdentifier", "policy forbids this \x1b[31m name",
                           sub=[(NAME, "rejectedIdentifier", "it is on our list")]))
    s = begin()
    told = failed(s)["last_error"]
    assert "policy forbids this" in told and "it is on our list" in told and "\x1b" not in told
    page = s.verb("cert", "doctor", NAME)
    assert "policy forbids this" in page.stdout and "\x1b[31m" not in page.stdout


def test_failed_validations_spend_the_bucket(begin, ca, clock):
    """One token a failed validation; never a fifth within an hour, which is what Let's Encrypt allows."""
    ca.verdict = lambda name, kind: ("connection", f"nobody listens at {name}")
    s = begin()
    began, told = clock.now(), failed(s)
    while told["renewal"] < began + HOUR:
        told = attempt(s, clock, NAME)
    spent = len([c for c in ca.chals.values() if c.error])
    assert 1 <= spent <= 4, spent
    assert s.events.find("retry_scheduled")[-1]["class"] == "validation" and "nobody listens" in told["last_error"]
    ca.verdict = None
    clock.turn(DAY)
    issued(s, NAME, ca.root)


def test_the_counters_outlive_a_restart(begin, ca, clock, tmp_path):
    """A crash loop spends nothing twice."""
    ca.verdict = lambda name, kind: ("dns", "no such name")
    s = begin()
    before = failed(s)
    orders = ca.count("newOrder")
    for _ in range(3):
        assert s.stop() == 0
        s = type(s)(s.config_given, tmp_path, ports=ca.server_ports, env=clock.env).start()
        after = row(s, NAME)
        assert (after["failures"], after["renewal"]) == (before["failures"], before["renewal"])
    try:
        assert ca.count("newOrder") == orders
    finally:
        assert s.look_over() == []


def test_a_week_of_failures(begin, ca, clock):
    """After seven days: once a day, so that no CA ever puts the name on its list of zombies."""
    ca.on("newOrder", plain(500))
    s = begin()
    failed(s)
    clock.turn(8 * DAY)
    failed(s, 2)
    between(row(s, NAME)["renewal"] - clock.now(), DAY, DAY)


def test_stuck_processing(begin, ca, clock):
    """The order says "processing" for hours: it is come back to, and no second one is made."""
    ca.processing = 1000000
    s = begin()
    ca.wait("finalize")
    wait_for(lambda: ca.count("order") >= 1, "a look at the order")
    for _ in range(3):
        clock.turn(HOUR)
    for order in ca.orders.values():
        order.polls = 0
    clock.turn(HOUR)
    issued(s, NAME, ca.root, 30)
    assert ca.count("newOrder") == 1 and len(ca.certs) == 1


def test_expired_order(begin, ca, clock):
    """Held up for longer than an order lives: a new one, once."""
    ca.order_life = HOUR
    rule = ca.on("finalize", plain(503, retry_after=7200))
    s = begin()
    failed(s)
    ca.off(rule)
    ca.order_life = 7 * DAY
    clock.turn(3 * HOUR)
    issued(s, NAME, ca.root)
    assert ca.count("newOrder") == 2


@pytest.mark.parametrize("step", ["finalize", "certificate", "order"])
def test_answer_lost(begin, ca, clock, step):
    """The CA did its work and the answer never came: found out by looking, never by a second certificate."""
    ca.processing = 1
    ca.on(step, cut_after, times=1)
    s = begin()
    clock.turn(2 * MINUTE)
    wait_for(lambda: len(ca.certs) >= 1, "the certificate")
    clock.turn(10 * MINUTE)
    issued(s, NAME, ca.root)
    assert len(ca.certs) == 1 and ca.count("newOrder") == 1


WRONG = {
    "truncated": lambda ca: ca.on("certificate", changed(lambda b: b[:-200]), times=1),
    "empty": lambda ca: ca.on("certificate", answer(b"", 200, (), "application/pem-certificate-chain"), times=1),
    "leaf only, no end": lambda ca: ca.on("certificate", changed(lambda b: b[:b.index(b"-----END")]), times=1),
    "other names": lambda ca: ca.issue_as.update(identifiers=[("dns", "other.example.com")]),
    "other key": lambda ca: ca.issue_as.update(public_key=ca.signer.roots[0].public_key()),
    "a CA": lambda ca: ca.issue_as.update(ca=True),
    "expired": lambda ca: ca.issue_as.update(begin=ca.now() - 3 * DAY, end=ca.now() - DAY),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_certificate(begin, ca, clock, kind):
    """Verified before it is used: never served, never stored."""
    WRONG[kind](ca)
    s = begin()
    told = failed(s)
    assert told["last_error"] and temporary(s, NAME)
    assert not list((s.state / "certs").glob("*/0*/chain.pem"))
    ca.issue_as.clear()
    clock.turn_to(told["renewal"])
    issued(s, NAME, ca.root)


def test_wrong_certificate_at_renewal(begin, ca, clock):
    """The old one stays in use."""
    s = begin()
    old = issued(s, NAME, ca.root)
    ca.issue_as.update(identifiers=[("dns", "other.example.com")])
    load = Load(s, [NAME], ca.root, threads=1)
    done = s.verb("cert", "renew", "--force", NAME)
    assert done.returncode != 0 and "other.example.com" in done.stdout + done.stderr
    assert load.stop().failed == []
    assert leaf(s, NAME, ca.root).serial_number == old.serial_number


def test_storm_of_nonces(begin, ca):
    """Several badNonce in a row are nobody's failure."""
    ca.on("*", fail("badNonce"), times=3)
    s = begin()
    issued(s, NAME, ca.root)
    assert not row(s, NAME).get("failures")


def test_all_nonces_are_bad(begin, ca, clock):
    """A CA that never takes a nonce: given up after some tries, not after thousands."""
    ca.on("*", fail("badNonce"))
    s = begin()
    failed(s)
    assert ca.count("newAccount") <= 20
    ca.off()
    clock.turn(10 * MINUTE)
    issued(s, NAME, ca.root)


def test_breaker(begin, ca, clock):
    """Two certificates a day of one set of names, whatever goes wrong with what is stored."""
    s = begin()
    serials = [issued(s, NAME, ca.root).serial_number]
    for _ in range(3):
        s.verb("cert", "renew", "--force", NAME)  # the operator's word passes
    serials = ca.serials()
    assert len(serials) == 4
    ca.on("renewalInfo", answer({"suggestedWindow": {"start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z"}}))
    clock.turn(DAY // 2)
    s.report()
    clock.turn(HOUR)
    s.report()
    assert len(ca.certs) == 4


def test_one_name_of_several(server, ca, clock, tmp_path):
    """One certificate's failure does not wait for another's, and each has its own counters."""
    def verdict(name, _):
        return ("unauthorized", "wrong answer") if name == "bad.example.com" else None
    ca.verdict = verdict
    s = server(config(tmp_path, ca, "bad.example.com", NAME), ports=ca.server_ports, env=clock.env)
    issued(s, NAME, ca.root)
    assert failed(s, name="bad.example.com")["last_problem"] == "unauthorized"
    assert [r["failures"] for r in rows(s) if r["name"] == NAME] == [0]


def test_invalid_subproblem_document(begin, ca):
    """Half a problem document is still told, and harms nobody."""
    body = document("malformed", "half")
    body["subproblems"] = [{"type": 7}, "no object"]
    ca.on("newOrder", answer(body, 400, (), "application/problem+json"))
    s = begin()
    assert failed(s)["last_error"]
    assert temporary(s, NAME)
