# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What the compiler made of src/: each object's source and its symbols, from compile_commands.json and nm."""

import json
import os
import subprocess


def load(root, build):
    """{source path: (object path or None, {defined}, {undefined})}, or None where nothing was configured yet."""
    db = os.path.join(build, "compile_commands.json")
    if not os.path.exists(db):
        return None
    with open(db, encoding="utf-8") as f:
        rows = json.load(f)
    objs = {}
    for row in rows:
        src = os.path.relpath(os.path.normpath(os.path.join(row["directory"], row["file"])), root)
        if not src.startswith("src/") or not os.path.exists(os.path.join(root, src)):
            continue
        obj = os.path.join(row["directory"], row["output"])
        if src not in objs or not os.path.exists(objs[src]):
            objs[src] = obj
    out = {}
    made = [o for o in objs.values() if os.path.exists(o)]
    tables = _nm(made)
    for src, obj in objs.items():
        if obj in tables:
            out[src] = (obj, *tables[obj])
        else:
            out[src] = (None, set(), set())
    return out


def _nm(paths):
    tables = {p: (set(), set()) for p in paths}
    if not paths:
        return tables
    r = subprocess.run(["nm", "-A", "-g", "--format=posix", *paths], capture_output=True, text=True, check=True)
    for line in r.stdout.splitlines():
        where, _, rest = line.partition(": ")
        name, kind = rest.split()[:2]
        defined, undefined = tables[where]
        (undefined if kind in "Uwv" else defined).add(name)
    return tables
