# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""`port443 check` beside sslscan and testssl.sh: the same versions, suites and dates (docs/check-compared.md)."""

import json
import pathlib
import shutil
import tempfile

import pytest
from lib import othertools
from lib.server import BINARY
from lib.sitelist import SITES
from lib.sites import Park

CODES = othertools.suite_codes()
# sslscan finishes handshakes with OpenSSL, which these two refuse or which refuse it.
SSLSCAN_CANNOT = {"gnutls-no-renegotiation", "gnutls-client-cert"}
BESIDE_SSLSCAN = [s for s in SITES if not s.close.startswith("says") and s.key not in SSLSCAN_CANNOT]
# Seconds each: a few.
BESIDE_TESTSSL = [s for s in SITES if s.key in ("tls10-and-later", "gnutls-legacy")]


@pytest.fixture(name="park", scope="module")
def fixture_park():
    place = pathlib.Path(tempfile.mkdtemp(prefix="port443-e2e-"))
    place.chmod(0o755)
    park = Park(place, BESIDE_SSLSCAN, BINARY)
    try:
        yield park.start()
    finally:
        park.stop()
        shutil.rmtree(place, ignore_errors=True)


def tool(*names):
    found = next((path for path in map(shutil.which, names) if path), None)
    return found or pytest.skip(f"{names[0]} is not installed (packaging/install-packages test)")


def ours(park, site):
    done = park.check(site, "--json", "--no-http", "--no-attacks")
    return othertools.ours(json.loads(done.stdout), CODES)


@pytest.mark.parametrize("site", BESIDE_SSLSCAN, ids=[s.key for s in BESIDE_SSLSCAN])
def test_sslscan_agrees(park, site):
    theirs = othertools.sslscan(tool("sslscan"), park.ports[site.key])
    mine = ours(park, site)
    assert mine["versions"] == theirs["versions"]
    assert mine["suites"] == theirs["suites"]
    assert mine["ends"] == theirs["ends"]


@pytest.mark.parametrize("site", BESIDE_TESTSSL, ids=[s.key for s in BESIDE_TESTSSL])
def test_testssl_agrees(park, site, tmp_path):
    theirs = othertools.testssl(tool("testssl", "testssl.sh"), tmp_path, park.ports[site.key])
    assert len(theirs["versions"]) == len(othertools.TESTSSL)
    assert ours(park, site)["versions"] == theirs["versions"]
