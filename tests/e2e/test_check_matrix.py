# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""`port443 check` on a hundred sites of four servers: exactly the findings that belong there, in the promised JSON."""

import concurrent.futures
import json
import pathlib
import re
import shutil
import tempfile

import pytest
from lib.server import BINARY
from lib.sitelist import SITES, USUAL
from lib.sites import Park

TOP = pathlib.Path(__file__).resolve().parents[2]
DEFINED = dict(re.findall(r'^FINDING\("([\w-]+)", (\w+),', (TOP / "src/check/finding.def").read_text(), re.M))
VERDICTS = set(re.findall(r'"(\w+)"', (TOP / "src/check/verdict.def").read_text())) | {"ok"}
VERSIONS = ["ssl2", "ssl3", "tls1.0", "tls1.1", "tls1.2", "tls1.3"]
SEVERITIES = ["info", "low", "medium", "high", "critical"]
AT_ONCE = 3
NAMES = [s.key for s in SITES]


@pytest.fixture(name="reports", scope="module")
def fixture_reports():
    """{key: (report, exit status)} of every site, looked at side by side."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="port443-e2e-"))
    place.chmod(0o755)
    park = Park(place, SITES, BINARY)
    try:
        park.start()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            done = pool.map(lambda site: (site, park.check(site, "--json")), SITES)
            yield {site.key: (json.loads(got.stdout or "null"), got) for site, got in done}
    finally:
        park.stop()
        shutil.rmtree(place, ignore_errors=True)


def report_of(reports, key):
    report, done = reports[key]
    assert report, f"status {done.returncode}\n{done.stderr}"
    return report, done.returncode


@pytest.mark.parametrize("site", SITES, ids=NAMES)
def test_exact_findings(reports, site):
    report, _ = report_of(reports, site.key)
    found = {f["id"]: f["evidence"] for f in report["findings"]}
    wanted = (USUAL[site.server] | site.more) - site.less
    assert set(found) == wanted, {i: found.get(i, "MISSING") for i in set(found) ^ wanted}


def test_matrix_is_large_and_its_words_exist():
    assert len(SITES) >= 60 and len(set(NAMES)) == len(NAMES)
    for site in SITES:
        assert site.more | site.less | USUAL[site.server] <= set(DEFINED), site.key


@pytest.mark.parametrize("key,grade", [
    ("good", "A+"), ("hsts-none", "A-"), ("hsts-short", "A"), ("tls12-only", "A-"), ("tls10-and-later", "B"),
    ("static-rsa-only", "B"), ("dh-1024", "B"), ("gnutls-legacy", "C"), ("anonymous-too", "F"), ("null-too", "F"),
    ("gnutls-no-renegotiation", "F"), ("expired", "T"), ("self-signed", "T"), ("other-name", "M"), ("common-name-only", "M"),
    ("tls13-only", "A+"), ("p384", "A+"), ("tls10-only", None), ("speaks-ssh", None)])
def test_grade(reports, key, grade):
    report, _ = report_of(reports, key)
    assert report["grades"]["ssllabs"]["grade"] == grade, report["grades"]["ssllabs"]
    assert grade or report["grades"]["ssllabs"]["missing"]


@pytest.mark.parametrize("key,verdict", [
    ("expired", "certificate"), ("speaks-ssh", "not_tls"), ("speaks-http", "not_tls"), ("refuses-handshakes", "server_alert"),
    ("unknown-ca", "certificate")])
def test_why_comes_by_itself(reports, key, verdict):
    report, _ = report_of(reports, key)
    assert report["why"]["verdict"] == verdict and report["why"]["evidence"]


@pytest.mark.parametrize("site", SITES, ids=NAMES)
def test_exit_status(reports, site):
    report, status = report_of(reports, site.key)
    worst = max((SEVERITIES.index(f["severity"]) for f in report["findings"]), default=0)
    assert status == int(worst >= SEVERITIES.index("high"))


# ---- the contract of the JSON ----

NUMBER = (int, float)


def check_steps(report):
    assert [s["name"] for s in report["steps"]] == ["dns", "tcp", "tls", "http", "close"][:len(report["steps"])]
    for step in report["steps"]:
        assert isinstance(step["ok"], bool) and isinstance(step["ms"], NUMBER) and step["ms"] >= 0


def check_certificate(cert):
    for key, kind in [("subject", str), ("sans", list), ("issuer", str), ("not_before", int), ("not_after", int),
                      ("days_left", NUMBER), ("key", str), ("chain", list), ("trusted", bool), ("name_match", bool), ("errors", list)]:
        assert isinstance(cert[key], kind), key
    assert cert["chain"] and set(cert["errors"]) <= set(DEFINED)


def check_tls(tls):
    assert set(tls["versions"]) <= set(VERSIONS) and all(isinstance(v, bool) for v in tls["versions"].values())
    for version, names in tls["suites"].items():
        assert version in VERSIONS and all(isinstance(n, str) for n in names)
        assert tls["versions"][version] or not names
    assert all(isinstance(g, str) for g in tls["groups"])


@pytest.mark.parametrize("site", SITES, ids=NAMES)
def test_json_contract(reports, site):
    report, _ = report_of(reports, site.key)
    assert report["schema"] == 1
    assert report["target"]["host"] == "www.site.example" and report["target"]["port"] == 443
    check_steps(report)
    for found in report["findings"]:
        assert {"id", "severity", "title", "evidence", "fix"} <= set(found)
        assert DEFINED[found["id"]].lower() == found["severity"] and found["title"] and found["fix"]
    assert {"ssllabs", "mozilla", "pci", "observatory"} <= set(report["grades"])
    assert isinstance(report["grades"]["ssllabs"]["caps"], list)
    if "why" in report:
        assert report["why"]["verdict"] in VERDICTS and isinstance(report["why"]["evidence"], list)
    if not site.close.startswith("says"):
        check_tls(report["tls"])
    if not site.close.startswith("says") and site.key != "refuses-handshakes":
        check_certificate(report["certificate"])


@pytest.mark.parametrize("key,version,suites", [
    ("static-rsa-only", "tls1.2", ["TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_256_GCM_SHA384"]),
    ("ccm", "tls1.3", ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]),
    ("tls10-only", "tls1.0", ["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"])])
def test_suites_in_the_servers_order(reports, key, version, suites):
    report, _ = report_of(reports, key)
    assert report["tls"]["suites"][version] == suites


@pytest.mark.parametrize("key,groups", [("curves-p256-only", {"secp256r1"}), ("curves-p521-x448", {"secp521r1", "x448"})])
def test_groups(reports, key, groups):
    report, _ = report_of(reports, key)
    assert {g.lower() for g in report["tls"]["groups"]} == groups


def test_both_keys_are_seen(reports):
    report, _ = report_of(reports, "two-keys")
    kinds = {report["certificate"]["key"]} | {c["key"] for c in report["other_certificates"]}
    assert len(kinds) == 2, kinds
