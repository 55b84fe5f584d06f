# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Revocation (RFC 8555 7.6), and what follows from a lost key."""

import pytest
from lib.acme import config, issued, leaf
from lib.pebble import running_pebble

NAME = "revoke.example.com"


@pytest.fixture(scope="module", name="ca")
def fixture_ca():
    with running_pebble(nonce_reject=0) as ca:
        yield ca


def test_lost_key(server, ca, tmp_path):
    """keyCompromise: a new key and certificate at once, whatever the breaker says."""
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    old = issued(s, NAME, ca.roots())
    done = s.verb("cert", "revoke", NAME, "--reason", "keyCompromise")
    assert done.returncode == 0, done.stdout + done.stderr
    told = ca.status_by_serial(old.serial_number)
    assert (told["Status"], told["Reason"]) == ("Revoked", 1)
    new = issued(s, NAME, ca.roots(), other_than=[old.serial_number])
    assert new.public_key().public_numbers() != old.public_key().public_numbers()
    s.events.wait("revoked")


def test_superseded(server, ca, tmp_path):
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    old = issued(s, NAME, ca.roots())
    done = s.verb("cert", "revoke", NAME, "--reason", "superseded")
    assert done.returncode == 0, done.stdout + done.stderr
    told = ca.status_by_serial(old.serial_number)
    assert (told["Status"], told["Reason"]) == ("Revoked", 4)
    again = s.verb("cert", "revoke", NAME, "--reason", "superseded")
    assert leaf(s, NAME, ca.roots()) and again.returncode in (0, 1)


def test_unknown_name_and_reason(server, ca, tmp_path):
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    issued(s, NAME, ca.roots())
    done = s.verb("cert", "revoke", "other.example.com")
    assert done.returncode in (1, 2) and "other.example.com" in done.stderr
    done = s.verb("cert", "revoke", NAME, "--reason", "boredom")
    assert done.returncode == 64 and "keyCompromise" in done.stderr


def test_by_the_certificates_key(server, ca, tmp_path):
    """Who has only the key and no account."""
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    old = issued(s, NAME, ca.roots())
    done = s.verb("cert", "revoke", NAME, "--key", "--reason", "cessationOfOperation")
    assert done.returncode == 0, done.stdout + done.stderr
    told = ca.status_by_serial(old.serial_number)
    assert (told["Status"], told["Reason"]) == ("Revoked", 5)
