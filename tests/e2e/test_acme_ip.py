# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""IP addresses as identifiers (RFC 8738): the challenge's server name is the reverse one, the certificate names the address."""

import pytest
from lib.acme import Store, config, names_of, row
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for


@pytest.fixture(name="ca")
def fixture_ca():
    ca = running_fake()
    yield ca
    stop_fake(ca)


@pytest.mark.parametrize("kind", ["http-01", "tls-alpn-01"])
@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::7"])
def test_an_address(server, ca, tmp_path, kind, address):
    s = server(config(tmp_path, ca, address, acme={"challenges": [kind]}), ports=ca.server_ports)
    ca.wait("certificate")
    assert ca.seen("newOrder")[0].payload["identifiers"] == [{"type": "ip", "value": address}]
    # nobody can connect to the address itself here, and clients send no name for one
    cert = wait_for(lambda: Store(s).lineage(address).joinpath("current").exists() and Store(s).current(address), "the store")
    assert names_of(cert) == {address}
    wait_for(lambda: row(s, address)["kind"] == "acme", "its use")
    assert not s.events.find("served_mismatch")
