# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""A program as owners write them for dns-01: makes and removes records with nsupdate, and notes how it was called."""

import json
import stat
import sys

from .peer import need

HOOK = """#!{python}
import json, os, subprocess, sys
verb, name, value = sys.argv[1:4]
open({log!r}, "a").write(json.dumps([sys.argv[1:], {{k: v for k, v in os.environ.items() if k.startswith("PORT443_")}}]) + "\\n")
change = {{"present": "add", "cleanup": "delete"}}[verb]
text = "server 127.0.0.1 {port}\\nzone example.com\\nkey {algorithm}:{key} {secret}\\n"
text += f'update {{change}} {{name}} 60 TXT "{{value}}"\\nsend\\n'
subprocess.run([{nsupdate!r}], input=text, text=True, check=True)
sys.exit({status} if verb == "present" else 0)
"""


def hook(dns, tmp_path, status=0):
    """(its path, a function that lists its calls as [arguments, environment]). status: of `present`."""
    log, path = tmp_path / "hook.log", tmp_path / "dns-hook"
    log.touch()
    log.chmod(0o666)
    path.write_text(HOOK.format(python=sys.executable, log=str(log), port=dns.port, algorithm=dns.algorithm, key=dns.key,
                                secret=dns.secret, nsupdate=need("nsupdate"), status=status))
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)

    def calls():
        return [json.loads(line) for line in log.read_text().split("\n") if line]
    return path, calls
