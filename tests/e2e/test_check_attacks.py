# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Known attacks: each is found at a server that has the fault, and not at its good twin."""

import pytest

from lib.audit import audit, findings
from lib.responder import TLS10, TLS12, Conduct, Responder
from lib.ticketrelay import TicketRelay


@pytest.fixture(name="pair", scope="module")
def fixture_pair(tmp_path_factory):
    from lib.certs import Certs
    return Certs(tmp_path_factory.mktemp("certs")).leaf("a.test", key="rsa")


def attacked(pair, *options, **conduct):
    with Responder(Conduct(**conduct), pair.cert.read_bytes(), pair.key.read_bytes()) as r:
        return audit(r.port, *options)


@pytest.mark.parametrize("version", [TLS10, TLS12])
@pytest.mark.parametrize("fault,good,attack,finding", [
    ({"heartbeat": "bleeds"}, {"heartbeat": "good"}, "heartbleed", "vuln-heartbleed"),
    ({"early_ccs": "accepts"}, {"early_ccs": "refuses"}, "ccs_injection", "vuln-ccs"),
    ({"robot": "strong"}, {"robot": "none"}, "robot", "vuln-robot"),
    ({"robot": "weak"}, {"robot": "none"}, "robot", "vuln-robot"),
    ({"robot": "silent"}, {"robot": "none"}, "robot", "vuln-robot"),
], ids=["heartbleed", "ccs", "robot-strong", "robot-weak", "robot-silent"])
def test_fault_and_good_twin(pair, version, fault, good, attack, finding):
    suites = (0x002F, 0xC013)
    bad = attacked(pair, versions=(version,), suites=suites, **fault)
    assert bad["tls"]["vulnerable"][attack] is True
    assert finding in findings(bad)
    twin = attacked(pair, versions=(version,), suites=suites, **good)
    assert twin["tls"]["vulnerable"][attack] is False
    others = {a for a, on in twin["tls"]["vulnerable"].items() if on} - {"beast", "lucky13"}
    assert others == set()


def test_answers_that_never_repeat_prove_nothing(pair):
    report = attacked(pair, suites=(0x002F,), robot="noise")
    assert report["tls"]["vulnerable"].get("robot") is None


def test_without_rsa_key_exchange_there_is_no_robot(pair):
    assert attacked(pair, suites=(0xC02F,), robot="strong")["tls"]["vulnerable"]["robot"] is False


def test_nothing_is_attacked_when_it_is_not_wanted(pair):
    report = attacked(pair, "--no-attacks", suites=(0x002F,), heartbeat="bleeds", early_ccs="accepts")
    assert report["tls"]["vulnerable"].get("ccs_injection") is None
    assert report["tls"]["vulnerable"].get("heartbleed") is None


@pytest.mark.parametrize("bleeds", [True, False])
def test_ticketbleed(pair, bleeds):
    with TicketRelay(pair, bleeds) as relay:
        report = audit(relay.port)
        assert relay.tickets >= 3
    assert report["tls"]["vulnerable"]["ticketbleed"] is bleeds
