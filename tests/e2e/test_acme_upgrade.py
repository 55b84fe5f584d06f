# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Two servers for a moment: the successor serves what is stored and orders nothing until its predecessor has ended."""

import threading

import pytest
from lib.acme import config, issued
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "up.example.com"


@pytest.fixture(name="ca")
def fixture_ca():
    ca = running_fake()
    yield ca
    stop_fake(ca)


def test_order_under_way(server, ca, tmp_path):
    """Taken up by the successor: one account, one order, one certificate."""
    go, asked = threading.Event(), threading.Event()

    def stuck(*_):
        asked.set()
        go.wait(60)
    ca.verdict = stuck
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    wait_for(asked.is_set, "the validation to begin", 20, s.events.text)
    done = s.verb("upgrade")
    assert done.returncode == 0, done.stdout + done.stderr
    s.events.wait("challenge_presented", count=2, timeout=20)
    taken = [e for e in s.events.rows() if e["event"] in ("store_in_use", "store_taken_over")]
    go.set()
    issued(s, NAME, ca.root)
    assert len(ca.accounts) == 1 and len(ca.orders) == 1 and len(ca.certs) == 1
    assert not taken or taken[0]["event"] == "store_in_use"
    assert not s.events.find("certificate_trouble")


def test_certificate_that_the_predecessor_got(server, ca, tmp_path):
    """It came while the successor was about to start: found in the store, not ordered again."""
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    issued(s, NAME, ca.root)
    threads = [threading.Thread(target=s.verb, args=("cert", "renew", "--force", NAME)) for _ in range(1)]
    for t in threads:
        t.start()
    done = s.verb("upgrade")
    assert done.returncode == 0, done.stdout + done.stderr
    for t in threads:
        t.join(30)
    cert = issued(s, NAME, ca.root)
    wait_for(lambda: issued(s, NAME, ca.root).serial_number == ca.serials()[-1], "the newest to be served", 20, s.events.text)
    assert cert and len(ca.accounts) == 1 and len(ca.certs) <= 2
