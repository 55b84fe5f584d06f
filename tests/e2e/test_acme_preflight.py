# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""`cert issue --dry-run`: what would fail, in plain words, and the CA is asked for no order."""

import pytest
from lib.acme import config, issued, trusted
from lib.pebble import running_pebble


@pytest.fixture(scope="module", name="ca")
def fixture_ca():
    with running_pebble() as ca:
        yield ca


def look(program, ca, tmp_path, name, *words):
    https, http = ca.server_ports.numbers
    return program("cert", "issue", name, "--dry-run", "--state", tmp_path / "dry", "--directory", ca.directory, "--ca-file",
                   trusted(tmp_path, ca), "--http-port", http, "--https-port", https, "--resolver", ca.resolver, *words,
                   timeout=60)


def test_good(program, ca, tmp_path):
    before = ca.requests("/order-plz")
    done = look(program, ca, tmp_path, "good.example.com")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ca.requests("/order-plz") == before
    assert not (tmp_path / "dry" / "certs").exists() or not list((tmp_path / "dry" / "certs").glob("*/0*"))


def test_name_server_fails(program, ca, tmp_path):
    ca.broken_dns("broken.example.com")
    done = look(program, ca, tmp_path, "broken.example.com")
    assert done.returncode == 1 and "broken.example.com" in done.stdout + done.stderr
    ca.mended("broken.example.com")


def test_caa_forbids(program, ca, tmp_path):
    """Of the parent zone, as RFC 8659 has it; the record that we would need is printed."""
    ca.control("add-caa", host="example.net.", policies=[{"tag": "issue", "value": "other-ca.example"}])
    done = look(program, ca, tmp_path, "www.example.net")
    text = done.stdout + done.stderr
    assert "CAA" in text and "other-ca.example" in text, text


def test_address_of_nobody(program, ca, tmp_path):
    """An AAAA record that leads elsewhere is what breaks validations most."""
    ca.control("add-aaaa", host="six.example.com.", addresses=["100::1"])
    done = look(program, ca, tmp_path, "six.example.com")
    assert "100::1" in done.stdout + done.stderr


def test_clock(program, ca, tmp_path):
    clock = tmp_path / "clock"
    clock.write_text("100000\n")
    https, http = ca.server_ports.numbers
    done = program("cert", "issue", "late.example.com", "--dry-run", "--state", tmp_path / "dry", "--directory", ca.directory,
                   "--ca-file", trusted(tmp_path, ca), "--http-port", http, "--https-port", https, "--resolver", ca.resolver,
                   env={"PORT443_TEST_CLOCK": str(clock)}, timeout=60)
    assert "clock" in done.stdout + done.stderr


def test_in_the_server(server, ca, tmp_path):
    """Before the first order of a name: nothing that must fail is asked of the CA."""
    ca.broken_dns("dead.example.com")
    before = ca.requests("/order-plz")
    s = server(config(tmp_path, ca, "dead.example.com", acme={"preflight": True}), ports=ca.server_ports)
    done = s.verb("cert", "doctor", "dead.example.com", timeout=60)
    assert "dead.example.com" in done.stdout
    assert ca.requests("/order-plz") == before
    ca.mended("dead.example.com")
    assert s.verb("cert", "renew", "dead.example.com", timeout=60).returncode == 0
    issued(s, "dead.example.com", ca.roots())


def test_through_the_server(server, ca, tmp_path):
    s = server(config(tmp_path, ca, "there.example.com", acme={"preflight": True}), ports=ca.server_ports)
    issued(s, "there.example.com", ca.roots())
    before = ca.requests("/order-plz")
    done = s.verb("cert", "issue", "there.example.com", "--dry-run", timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ca.requests("/order-plz") == before
