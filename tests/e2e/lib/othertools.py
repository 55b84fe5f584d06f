# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What sslscan and testssl.sh say of a server, in the words of `port443 check --json`."""

import calendar
import json
import pathlib
import re
import subprocess
import time
import xml.etree.ElementTree as ElementTree

from .sitecerts import NAME
from .wait import PATIENCE

TOP = pathlib.Path(__file__).resolve().parents[3]
SSLSCAN = {"SSLv2": "ssl2", "SSLv3": "ssl3", "TLSv1.0": "tls1.0", "TLSv1.1": "tls1.1", "TLSv1.2": "tls1.2", "TLSv1.3": "tls1.3"}
TESTSSL = {"SSLv2": "ssl2", "SSLv3": "ssl3", "TLS1": "tls1.0", "TLS1_1": "tls1.1", "TLS1_2": "tls1.2", "TLS1_3": "tls1.3"}


def suite_codes():
    """{IANA name: code}, from the program's own table."""
    rows = re.findall(r'^SUITE\((0x[0-9a-f]{4}), "(\w+)"', (TOP / "src/wire/suite.def").read_text(), re.M)
    return {name: int(code, 16) for code, name in rows}


def ours(report, codes):
    """Of a report of `check --json`: the same as of the others."""
    tls, cert = report["tls"], report.get("certificate", {})
    return {"versions": tls["versions"],
            "suites": {v: {codes[n] for n in names} for v, names in tls["suites"].items() if names},
            "ends": cert.get("not_after")}


def sslscan(program, port):
    """versions: {version: bool}; suites: {version: {codes}}; ends: of the certificate, seconds since 1970."""
    done = subprocess.run([program, "--xml=-", "--no-groups", "--no-heartbleed", f"--sni-name={NAME}", f"127.0.0.1:{port}"],
                          capture_output=True, text=True, errors="replace", timeout=120 * PATIENCE, check=False)
    root = ElementTree.fromstring(done.stdout[done.stdout.index("<?xml"):])
    kinds = {"ssl": "ssl", "tls": "tls"}
    versions = {kinds[p.get("type")] + p.get("version"): p.get("enabled") == "1" for p in root.iter("protocol")}
    suites = {}
    for cipher in root.iter("cipher"):
        suites.setdefault(SSLSCAN[cipher.get("sslversion")], set()).add(int(cipher.get("id"), 16))
    ends = root.find(".//not-valid-after")
    return {"versions": versions, "suites": suites, "ends": _seconds(ends.text) if ends is not None else None}


def _seconds(text):
    return calendar.timegm(time.strptime(text, "%b %d %H:%M:%S %Y GMT"))


def testssl(program, place, port):
    """versions only: {version: bool}."""
    path = pathlib.Path(place) / f"testssl-{port}.json"
    subprocess.run([program, "--quiet", "--warnings", "off", "--color", "0", "--jsonfile", str(path), "--ip", "127.0.0.1", "-p",
                    f"{NAME}:{port}"], capture_output=True, timeout=300 * PATIENCE, check=False, stdin=subprocess.DEVNULL)
    said = {e["id"]: e["finding"] for e in json.loads(path.read_text())}
    return {"versions": {TESTSSL[i]: said[i].startswith("offered") for i in TESTSSL if i in said}}
