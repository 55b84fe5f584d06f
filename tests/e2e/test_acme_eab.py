# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""External account binding: CAs that know their customers."""

import pytest
from lib.acme import config, issued, row, temporary
from lib.pebble import running_pebble
from lib.wait import wait_for

KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


@pytest.fixture(scope="module", name="ca")
def fixture_ca():
    with running_pebble(eab={"kid-1": KEY}) as ca:
        yield ca


def settings(tmp_path, key=KEY):
    path = tmp_path / "eab"
    path.write_text(key + "\n")
    return {"eab": {"kid": "kid-1", "key_file": str(path)}}


def test_bound(server, ca, tmp_path):
    s = server(config(tmp_path, ca, "eab.example.com", acme=settings(tmp_path)), ports=ca.server_ports)
    issued(s, "eab.example.com", ca.roots())
    assert KEY not in s.events.text()
    assert KEY not in "".join(p.read_text(errors="replace") for p in s.state.rglob("*.json"))


def test_not_bound(server, ca, tmp_path):
    """Permanent until somebody configures it: said in the CA's words, and not tried again and again."""
    s = server(config(tmp_path, ca, "no.example.com"), ports=ca.server_ports)
    told = wait_for(lambda: row(s, "no.example.com").get("last_error"), "the failure to be told", 20, s.events.text)
    assert "external" in told.lower(), told
    assert temporary(s, "no.example.com")
    assert row(s, "no.example.com")["renewal"] - s.report()["now"] > 12 * 3600


def test_bound_with_a_wrong_key(server, ca, tmp_path):
    s = server(config(tmp_path, ca, "bad.example.com", acme=settings(tmp_path, KEY[::-1])), ports=ca.server_ports)
    told = wait_for(lambda: row(s, "bad.example.com").get("last_error"), "the failure to be told", 20, s.events.text)
    assert KEY[::-1] not in told and temporary(s, "bad.example.com")
