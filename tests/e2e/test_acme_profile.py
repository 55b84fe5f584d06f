# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Profiles: asked for when the CA has them, never otherwise."""

import pytest
from lib.acme import config, issued, row, temporary
from lib.cascript import fail
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "profile.example.com"


@pytest.fixture(name="ca")
def fixture_ca():
    ca = running_fake(profiles={"classic": "90 days", "shortlived": "6 days"})
    yield ca
    stop_fake(ca)


def test_asked_for(server, ca, tmp_path):
    s = server(config(tmp_path, ca, NAME, acme={"profile": "shortlived"}), ports=ca.server_ports)
    issued(s, NAME, ca.root)
    assert ca.seen("newOrder")[0].payload["profile"] == "shortlived"


def test_none_is_the_cas_choice(server, ca, tmp_path):
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    issued(s, NAME, ca.root)
    assert "profile" not in ca.seen("newOrder")[0].payload


def test_not_offered(server, ca, tmp_path):
    """A name that the CA does not advertise is never sent."""
    s = server(config(tmp_path, ca, NAME, acme={"profile": "tlsserver"}), ports=ca.server_ports)
    issued(s, NAME, ca.root)
    assert "profile" not in ca.seen("newOrder")[0].payload


def test_refused(server, ca, tmp_path):
    """Advertised and refused all the same: permanent, in the CA's words."""
    ca.on("newOrder", fail("invalidProfile", "not for your account"))
    s = server(config(tmp_path, ca, NAME, acme={"profile": "shortlived"}), ports=ca.server_ports)
    told = wait_for(lambda: row(s, NAME).get("last_error"), "the failure to be told", 20, s.events.text)
    assert "not for your account" in told and temporary(s, NAME)
    assert row(s, NAME)["renewal"] - s.report()["now"] > 12 * 3600
