# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Several chains for one certificate: the wanted one is taken, and a wish that nobody fulfils is no failure."""

import ssl

import pytest
from lib.acme import config, issued, leaf
from lib.pebble import running_pebble


@pytest.fixture(scope="module", name="ca")
def fixture_ca():
    with running_pebble(alternates=2, chain=2) as ca:
        yield ca


@pytest.mark.parametrize("wanted", [1, 2])
def test_preferred(server, ca, tmp_path, wanted):
    acme = {"preferred_chain": ca.root_name(wanted)}
    s = server(config(tmp_path, ca, "chain.example.com", acme=acme), ports=ca.server_ports)
    issued(s, "chain.example.com", ca.roots(wanted))
    with pytest.raises(ssl.SSLError):
        leaf(s, "chain.example.com", ca.roots(0))


def test_nobody_has_it(server, ca, tmp_path):
    s = server(config(tmp_path, ca, "chain.example.com", acme={"preferred_chain": "No Such Root"}), ports=ca.server_ports)
    issued(s, "chain.example.com", ca.roots(0))
