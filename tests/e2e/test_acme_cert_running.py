# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""The words of `port443 cert` through a running server."""

import json

import pytest
from lib.acme import config, issued, listed
from lib.cascript import fail
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "word.example.com"


@pytest.fixture(name="ca")
def fixture_ca():
    ca = running_fake()
    yield ca
    stop_fake(ca)


@pytest.fixture(name="s")
def fixture_s(server, ca, tmp_path):
    s = server(config(tmp_path, ca, NAME, "more.example.com"), ports=ca.server_ports)
    issued(s, NAME, ca.root)
    issued(s, "more.example.com", ca.root)
    return s


def test_list(s):
    done = s.verb("cert", "list")
    assert done.returncode == 0 and NAME in done.stdout and "Scripted Intermediate" in done.stdout
    assert {r["name"] for r in listed(s)} >= {NAME, "more.example.com"}
    told = listed(s, NAME)
    assert told["days_left"] in (89, 90) and told["renewal"] and told["renewal_reason"] and told["kind"] == "acme"


def test_renew(s, ca):
    """Only what is due, without --force."""
    done = s.verb("cert", "renew")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(ca.certs) == 2
    done = s.verb("cert", "renew", "--force", NAME)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(ca.certs) == 3
    issued(s, NAME, ca.root, other_than=ca.serials()[:-1])
    done = s.verb("cert", "renew", "--force", "none.example.com")
    assert done.returncode in (1, 2) and "none.example.com" in done.stderr


def test_renew_that_fails(s, ca):
    ca.on("newOrder", fail("rateLimited", "too many of yours", retry_after=3600))
    done = s.verb("cert", "renew", "--force", NAME)
    assert done.returncode == 1 and "too many of yours" in done.stdout + done.stderr


def test_doctor(s, ca):
    page = s.verb("cert", "doctor", NAME)
    assert page.returncode == 0, page.stdout + page.stderr
    assert NAME in page.stdout and "renew" in page.stdout
    ca.on("newOrder", fail("caa", "CAA record prevents issuance"))
    s.verb("cert", "renew", "--force", NAME)
    page = s.verb("cert", "doctor", NAME)
    assert page.returncode == 1 and "CAA record prevents issuance" in page.stdout


def test_account(s, ca):
    shown = s.verb("cert", "account", "show")
    assert shown.returncode == 0 and ca.directory in shown.stdout
    assert s.verb("cert", "account", "rollover").returncode == 0
    assert ca.count("keyChange", status=200) == 1
    assert s.verb("cert", "renew", "--force", NAME).returncode == 0


def test_metrics(s, ca):
    def of(name, metrics):
        return {k: v for k, v in metrics.items() if name in k}
    found = of(NAME, s.metrics())
    ends = [v for k, v in found.items() if "not_after" in k]
    assert ends and all(v > ca.now() for v in ends), found
    ca.on("newOrder", fail("caa"))
    s.verb("cert", "renew", "--force", NAME)
    failures = wait_for(lambda: [v for k, v in of(NAME, s.metrics()).items() if "_failures" in k and v], "the failure")
    assert failures == [1.0]


def test_served_is_what_is_stored(s):
    """A loopback handshake has looked."""
    def differs():
        return {k: v for k, v in s.metrics().items() if "served_mismatch" in k}
    assert all(v == 0 for v in wait_for(differs, "the metric").values())
    assert not s.events.find("served_mismatch")


def test_events(s):
    for event in ("order_created", "challenge_presented", "issued"):
        assert NAME in json.dumps(s.events.wait(event, count=1))
    told = [json.dumps(e) for e in s.events.rows()]
    assert not [t for t in told if "PRIVATE KEY" in t]
