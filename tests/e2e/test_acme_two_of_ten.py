# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Ten names of which two cannot be proven: eight are served, two say why, and the CA is not hammered."""

import pytest
from lib.acme import config, issued, row, rows, temporary
from lib.pebble import running_pebble
from lib.wait import wait_for

NAMES = [f"t{i}.example.com" for i in range(10)]
BAD = ("t3.example.com", "t7.example.com")


@pytest.fixture(scope="module", name="ca")
def fixture_ca():
    with running_pebble(authz_reuse=0) as ca:
        ca.unreachable(BAD[0])
        ca.broken_dns(BAD[1])
        yield ca


def test_two_of_ten(server, ca, tmp_path):
    s = server(config(tmp_path, ca, *NAMES, listen=["127.0.0.1"]), ports=ca.server_ports, workers=2)
    for name in NAMES:
        if name not in BAD:
            issued(s, name, ca.roots(), 30)
    for name in BAD:
        told = wait_for(lambda n=name: row(s, n).get("last_error"), f"the failure of {name}", 30, s.events.text)
        assert name in told or "127.9.9.9" in told, told
        assert temporary(s, name)
    # five failures an hour is what Let's Encrypt allows for a name: we stop at four
    assert ca.requests("/chalZ/") <= 8 + 2 * 4
    status = s.verb("status")
    assert status.returncode == 1 and BAD[0] in status.stdout and BAD[1] in status.stdout


def test_mended(server, ca, tmp_path):
    """The operator's word ends the waiting."""
    s = server(config(tmp_path, ca, *BAD, listen=["127.0.0.1"]), ports=ca.server_ports)
    wait_for(lambda: all(r.get("last_error") for r in rows(s)), "both failures", 30, s.events.text)
    ca.mended(*BAD)
    for name in BAD:
        done = s.verb("cert", "renew", name)
        assert done.returncode == 0, done.stdout + done.stderr
        issued(s, name, ca.roots())
    assert not any(r.get("last_error") for r in rows(s))
