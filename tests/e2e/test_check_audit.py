# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What `port443 check` finds out about versions, suites and habits of a server, also when the server resists."""

import pytest

from lib.audit import audit, findings, versions
from lib.responder import SSL3, TLS10, TLS11, TLS12, Conduct, Responder

PRIME_1024 = bytes.fromhex("d67de440cbbbdc19") + bytes([0x5b] * 119) + b"\xff"
PRIME_512 = b"\x9b" + bytes([0x6d] * 62) + b"\xff"
OPENSSL = (0xC030, 0xC02F, 0xC014, 0xC013, 0x009D, 0x009C, 0x0035, 0x002F)
OLD = (0x0005, 0x0004, 0x000A, 0x0016, 0x0009, 0x0003, 0x0014, 0x0017, 0x0002)
NAMES = {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"}


@pytest.fixture(name="pair", scope="module")
def fixture_pair(tmp_path_factory):
    from lib.certs import Certs
    return Certs(tmp_path_factory.mktemp("certs")).leaf("a.test", key="rsa")


def looked_at(pair, *options, **conduct):
    with Responder(Conduct(**conduct), pair.cert.read_bytes(), pair.key.read_bytes()) as r:
        return audit(r.port, *options)


@pytest.mark.parametrize("spoken", [(SSL3,), (TLS10,), (TLS11, TLS12), (SSL3, TLS10, TLS11, TLS12)])
def test_versions(pair, spoken):
    words = {SSL3: "ssl3", TLS10: "tls1.0", TLS11: "tls1.1", TLS12: "tls1.2"}
    report = looked_at(pair, versions=spoken, suites=(0x002F, 0x0035))
    assert versions(report) == {words[v] for v in spoken}
    assert all(report["tls"]["suites"][words[v]] == ["TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"]
               for v in spoken)
    assert report["tls"]["complete"]


def test_order_of_the_server(pair):
    report = looked_at(pair, suites=OPENSSL)
    assert report["tls"]["server_order"]["tls1.2"] is True
    assert [n.split("_WITH_")[1] for n in report["tls"]["suites"]["tls1.2"]] == [
        "AES_256_GCM_SHA384", "AES_128_GCM_SHA256", "AES_256_CBC_SHA", "AES_128_CBC_SHA",
        "AES_256_GCM_SHA384", "AES_128_GCM_SHA256", "AES_256_CBC_SHA", "AES_128_CBC_SHA"]


def test_order_of_the_client(pair):
    report = looked_at(pair, suites=OPENSSL, client_order=True)
    assert report["tls"]["server_order"]["tls1.2"] is False
    assert len(report["tls"]["suites"]["tls1.2"]) == len(OPENSSL)


def test_suites_of_the_past(pair):
    report = looked_at(pair, versions=(SSL3, TLS10), suites=OLD, dh_prime=PRIME_512)
    assert len(report["tls"]["suites"]["ssl3"]) == len(report["tls"]["suites"]["tls1.0"]) == len(OLD)
    assert {"tls-ssl3", "suite-null", "suite-anonymous", "suite-export", "suite-weak", "suite-rc4",
            "suite-3des", "group-dh-weak"} <= findings(report)
    for attack in ("freak", "logjam", "sweet32", "rc4", "beast", "poodle_ssl3"):
        assert report["tls"]["vulnerable"][attack] is True, attack
    assert report["tls"]["dh_bits"] == 512


def test_common_prime(pair):
    report = looked_at(pair, suites=(0x009E, 0xC02F), dh_prime=PRIME_1024)
    assert report["tls"]["dh_bits"] == 1024 and not report["tls"]["dh_common_prime"]
    shared = bytes.fromhex("d67de440cbbbdc1936d693d3") + PRIME_1024[12:]
    report = looked_at(pair, suites=(0x009E, 0xC02F), dh_prime=shared)
    assert report["tls"]["dh_common_prime"]


def test_ssl2(pair):
    report = looked_at(pair, ssl2_kinds=b"\7\0\xc0\1\0\x80")
    assert versions(report) == {"ssl2", "tls1.2"}
    assert report["tls"]["vulnerable"]["drown"] is True and "tls-ssl2" in findings(report)


def test_habits(pair):
    good = looked_at(pair, versions=(TLS11, TLS12), extended_master=True)["tls"]
    assert good["secure_renegotiation"] and good["extended_master_secret"] and good["fallback_scsv"]
    assert good["compression"] is False and good["vulnerable"]["crime"] is False
    bad = looked_at(pair, versions=(TLS11, TLS12), secure_renegotiation=False, deflate=True, fallback_scsv=False)["tls"]
    assert not bad["secure_renegotiation"] and not bad["extended_master_secret"] and not bad["fallback_scsv"]
    assert bad["compression"] and bad["vulnerable"]["crime"] and bad["vulnerable"]["renegotiation_insecure"]


@pytest.mark.parametrize("kind", ["grease", "large"])
def test_intolerance(pair, kind):
    report = looked_at(pair, intolerant_of=(kind,))
    assert report["tls"]["grease_tolerant"] is (kind != "grease")
    assert report["tls"]["large_hello_tolerant"] is (kind != "large")


@pytest.mark.parametrize("how", ["alert", "reset", "close"])
def test_ways_to_refuse(pair, how):
    """Windows resets, some balancers close: that is a "no" like any other when good hellos are answered."""
    tls = looked_at(pair, versions=(TLS12,), refuses_by=how)["tls"]
    assert versions({"tls": tls}) == {"tls1.2"} and tls["complete"]
    assert set(tls["suites"]["tls1.2"]) == NAMES and not tls["backed_off"]


def test_a_warning_is_no_refusal(pair):
    assert versions(looked_at(pair, warning_first=True)) == {"tls1.2"}


@pytest.mark.parametrize("limit", [{"at_once": 2}, {"drops_each": 7}])
def test_limits_change_nothing(pair, limit):
    """Few connections at once, or one lost now and then: asked again, the facts are the same."""
    tls = looked_at(pair, versions=(TLS10, TLS12), suites=OPENSSL, **limit)["tls"]
    assert versions({"tls": tls}) == {"tls1.0", "tls1.2"}
    assert len(tls["suites"]["tls1.2"]) == len(OPENSSL) and tls["complete"]


def test_a_rate_limit_makes_no_wrong_facts(pair):
    """More than twenty connections in a second are reset: what is said is true, what is missing is said to be."""
    tls = looked_at(pair, versions=(TLS10, TLS12), suites=OPENSSL, per_second=20)["tls"]
    assert tls["backed_off"]
    assert tls["versions"]["tls1.2"] is True and tls["versions"]["tls1.0"] is True
    assert not tls["complete"] or len(tls["suites"]["tls1.2"]) == len(OPENSSL)
    assert tls["versions"]["ssl3"] is not True and tls["versions"]["tls1.3"] is not True
