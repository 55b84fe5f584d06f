# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Runs `port443 check --json` on a port of this machine."""

import json

from . import server as server_module


def audit(port, *options, name="a.test", code=None):
    """The report; code: the exit status that is wanted."""
    r = server_module.run("check", "--json", "--no-http", "--timeout", "2s", "--connect", f"127.0.0.1:{port}",
                          *options, f"{name}:{port}", timeout=90)
    assert r.stdout, f"status {r.returncode}: {r.stderr}"
    assert code is None or r.returncode == code, f"status {r.returncode}: {r.stderr}{r.stdout}"
    return json.loads(r.stdout)


def findings(report):
    """The ids."""
    return {f["id"] for f in report["findings"]}


def versions(report):
    """Those that are offered."""
    return {v for v, on in report["tls"]["versions"].items() if on}
