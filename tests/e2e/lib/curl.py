# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""The curl program as a client."""

import json
import pathlib
import subprocess
import tempfile

from .http import Fields, Response

TIMEOUT_S = 20


def _last_head(text):
    heads = [h for h in text.replace("\r\n", "\n").split("\n\n") if h.strip()]
    start, *lines = heads[-1].split("\n")
    return start, Fields(tuple(p.strip() for p in line.split(":", 1)) for line in lines if ":" in line)


def curl(url, *args, connect=None, cafile=None):
    """Runs curl; the Response of its last answer with .exit, .stderr and curl's own numbers in .info.

    connect: "HOST:PORT" reached instead of what the URL names.
    """
    with tempfile.TemporaryDirectory(prefix="port443-curl-") as tmp:
        head, body = pathlib.Path(tmp, "head"), pathlib.Path(tmp, "body")
        words = ["curl", "-sS", "-q", "--noproxy", "*", "--max-time", str(TIMEOUT_S), "-D", str(head), "-o", str(body)]
        words += ["-w", "%{json}"]
        words += ["--cacert", str(cafile)] if cafile else []
        words += ["--connect-to", f"::{connect}"] if connect else []
        done = subprocess.run([*words, *args, url], capture_output=True, text=True, timeout=TIMEOUT_S + 10, check=False)
        start, fields = _last_head(head.read_text("latin-1")) if head.exists() and head.stat().st_size else ("", Fields())
        status = int(start.split(" ")[1]) if start else 0
        answer = Response(status, fields, body.read_bytes() if body.exists() else b"", start.split(" ")[0])
        answer.exit, answer.stderr = done.returncode, done.stderr
        answer.info = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        return answer
