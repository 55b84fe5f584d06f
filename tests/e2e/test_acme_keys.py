# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Both kinds of keys for one name: each client gets what it can verify, and one kind's failure takes nothing from the other."""

import ssl

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lib.acme import Store, config, issued, leaf, row
from lib.cascript import fail
from lib.castore import read_csr
from lib.fakeca import running_fake, stop_fake
from lib.jose import unb64
from lib.pebble import running_pebble
from lib.wait import wait_for

BOTH = {"keys": ["ecdsa", "rsa"]}
NAME = "both.example.com"
RSA_ONLY = {"versions": (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2), "ciphers": "ECDHE-RSA-AES128-GCM-SHA256"}


@pytest.fixture(scope="module", name="ca")
def fixture_ca():
    with running_pebble() as ca:
        yield ca


def is_rsa(s, root):
    try:
        return isinstance(leaf(s, NAME, root, **RSA_ONLY).public_key(), rsa.RSAPublicKey)
    except OSError:
        return False


def test_by_the_clients_choice(server, ca, tmp_path):
    s = server(config(tmp_path, ca, NAME, acme=BOTH), ports=ca.server_ports)
    cert = issued(s, NAME, ca.roots(), 30)
    wait_for(lambda: is_rsa(s, ca.roots()), "the RSA certificate", 30, s.events.text)
    wait_for(lambda: isinstance(leaf(s, NAME, ca.roots()).public_key(), ec.EllipticCurvePublicKey), "the ECDSA certificate", 30,
             s.events.text)
    cert = leaf(s, NAME, ca.roots())
    store = Store(s)
    assert store.current(NAME).serial_number == cert.serial_number
    assert isinstance(store.current(NAME, "rsa").public_key(), rsa.RSAPublicKey)
    assert row(s, NAME, "ecdsa") and row(s, NAME, "rsa")


def test_one_kind_fails(server, tmp_path):
    """A CA that takes no RSA keys."""
    def no_rsa(call, proceed):
        order = call.ca.orders[call.id]
        csr = read_csr(unb64(call.payload["csr"]), order.names)
        if isinstance(csr.public_key(), rsa.RSAPublicKey):
            return fail("badCSR", "no RSA here")(call, proceed)
        return proceed()
    ca = running_fake()
    try:
        ca.on("finalize", no_rsa)
        s = server(config(tmp_path, ca, NAME, acme=BOTH), ports=ca.server_ports)
        issued(s, NAME, ca.root)
        told = wait_for(lambda: row(s, NAME, "rsa").get("last_error"), "RSA's failure", 20, s.events.text)
        assert "no RSA here" in told
        assert not row(s, NAME, "ecdsa").get("last_error")
        issued(s, NAME, ca.root)
    finally:
        stop_fake(ca)
