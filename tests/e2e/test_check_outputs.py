# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Every shape of output of `port443 check` against a running site, and the exit status that goes with it."""

import csv
import io
import json
import pathlib
import re
import shutil
import tempfile
import xml.etree.ElementTree as ElementTree

import pytest
from lib.server import BINARY, run
from lib.sitelist import SITES
from lib.sites import Park, Site

MOZILLA = Site("mozilla", tls="ssl_ecdh_curve X25519:prime256v1:secp384r1;", fields={"Strict-Transport-Security": "max-age=63072000"})
WANTED = {"good", "expired", "tls10-and-later", "hsts-none", "two-keys"}


@pytest.fixture(name="park", scope="module")
def fixture_park():
    place = pathlib.Path(tempfile.mkdtemp(prefix="port443-e2e-"))
    place.chmod(0o755)
    park = Park(place, [*(s for s in SITES if s.key in WANTED), MOZILLA], BINARY)
    try:
        yield park.start()
    finally:
        park.stop()
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(name="check")
def fixture_check(park):
    """check("good", "--csv"): the ended process."""
    def check(key, *words):
        return park.check(next(s for s in park.sites if s.key == key), *words)
    return check


@pytest.mark.parametrize("key,words,status", [
    ("good", [], 0), ("good", ["--fail-on", "info"], 1), ("good", ["--fail-on", "low"], 0),
    ("hsts-none", ["--fail-on", "medium"], 0), ("hsts-none", ["--fail-on", "low"], 1),
    ("tls10-and-later", [], 0), ("tls10-and-later", ["--fail-on", "medium"], 1),
    ("expired", [], 1), ("expired", ["--fail-on", "critical"], 1), ("expired", ["--fail-on", "never"], 0),
    ("mozilla", ["--profile", "intermediate"], 0), ("mozilla", ["--profile", "modern"], 1),
    ("good", ["--profile", "intermediate"], 1),
    ("tls10-and-later", ["--profile", "intermediate"], 1),
    ("good", ["--fail-on", "terrible"], 64), ("good", ["--profile", "ancient"], 64), ("good", ["--csv", "--sarif"], 64),
    ("good", ["--timeout", "soon"], 64)])
def test_exit_status(check, key, words, status):
    done = check(key, *words)
    assert done.returncode == status, done.stdout + done.stderr
    assert (status == 64) == (not done.stdout), done.stdout


def test_nobody_listens(park):
    words = ["check", "--connect", f"127.0.0.1:{park.closed_port}", "--json", "www.site.example"]
    done = run(*words)
    assert done.returncode == 2, done.stderr
    report = json.loads(done.stdout)
    assert report["why"]["verdict"] == "refused" and "tcp-refused" in {f["id"] for f in report["findings"]}


@pytest.mark.parametrize("key,status,word", [("good", 0, "OK"), ("tls10-and-later", 1, "WARNING"), ("expired", 2, "CRITICAL")])
def test_nagios(check, key, status, word):
    done = check(key, "--nagios")
    assert done.returncode == status and word in done.stdout.split("|")[0] and done.stdout.count("\n") == 1, done.stdout


def test_csv(check):
    rows = list(csv.reader(io.StringIO(check("expired", "--csv").stdout)))
    assert len(rows) >= 2 and len({len(r) for r in rows}) == 1
    assert any("www.site.example" in cell for cell in rows[1])


def test_sarif(check):
    report = json.loads(check("expired", "--sarif").stdout)
    assert report["version"] == "2.1.0"
    run = report["runs"][0]
    ids = {r["id"] for r in run["tool"]["driver"]["rules"]}
    results = {r["ruleId"]: r["level"] for r in run["results"]}
    assert results["cert-expired"] == "error" and set(results) <= ids


def test_junit(check):
    suite = ElementTree.fromstring(check("expired", "--junit").stdout)
    failed = [c.get("name") for c in suite.iter("testcase") if c.find("failure") is not None]
    assert any("cert-expired" in n for n in failed), failed
    passed = ElementTree.fromstring(check("good", "--junit").stdout)
    assert not list(passed.iter("failure")) and list(passed.iter("testcase"))


def test_prometheus(check):
    text = check("good", "--prometheus").stdout
    for line in text.strip().split("\n"):
        assert line.startswith("# ") or re.fullmatch(r'\w+(\{(\w+="[^"]*",?)*\})? [-+.\deE]+', line), line
    assert re.search(r"not_after\w*\{[^}]*\} \d+", text) and len(set(text.split("\n"))) >= 5


def test_html(check, park):
    path = park.place / "report.html"
    done = check("expired", "--html", path)
    page = path.read_text()
    assert done.returncode == 1 and page.lower().startswith("<!doctype html")
    assert "www.site.example" in page and "certificate has expired" in page
    assert not re.search(r'(?:src|href)="https?://', page.replace("https://www.site.example", "")), "an external resource"


def test_terminal(check):
    done = check("expired")
    assert "certificate has expired" in done.stdout and "\x1b" not in done.stdout
    assert "Renew it now." in done.stdout


def test_many_targets_are_json_lines(check):
    done = check("two-keys", "--json", "https://www.site.example/again")
    reports = [json.loads(line) for line in done.stdout.strip().split("\n")]
    assert len(reports) == 2 and all(r["schema"] == 1 for r in reports)
