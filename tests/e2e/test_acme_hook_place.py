# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What a hook program finds when it runs: its arguments, a small environment, no rights and no descriptors of the server."""

import json
import os
import pwd
import sys

import pytest
from lib.acme import config, issued
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "place.example.com"
SCRIPT = """#!{python}
import json, os, sys
status = dict(l.split(":\\t", 1) for l in open("/proc/self/status").read().split("\\n") if ":\\t" in l)
told = {{"arguments": sys.argv[1:], "environment": dict(os.environ), "uids": os.getresuid(), "gids": os.getresgid(),
        "groups": os.getgroups(), "capabilities": status["CapEff"] + status["CapAmb"] + status["CapInh"],
        "fds": [os.readlink("/proc/self/fd/%d" % n) for n in range(3, 100) if os.path.exists("/proc/self/fd/%d" % n)],
        "leader": os.getpgid(0) == os.getpid(), "blocked": status["SigBlk"]}}
with open({log!r}, "a") as f:
    f.write(json.dumps(told) + "\\n")
"""


@pytest.fixture(name="ca")
def fixture_ca():
    ca = running_fake()
    yield ca
    stop_fake(ca)


def test_what_it_finds(server, ca, tmp_path):
    log, program = tmp_path / "place.log", tmp_path / "place"
    log.touch()
    log.chmod(0o666)
    program.write_text(SCRIPT.format(python=sys.executable, log=str(log)))
    program.chmod(0o755)
    s = server(config(tmp_path, ca, NAME, acme={"hooks": {"deployed": str(program)}}), ports=ca.server_ports,
               env={"SECRET_OF_THE_SERVER": "x"})
    issued(s, NAME, ca.root)
    told = json.loads(wait_for(log.read_text, "the program to write", 20, s.events.text))
    assert told["arguments"] == ["deployed", NAME]
    environment = {k: v for k, v in told["environment"].items() if k != "LC_CTYPE"}  # Python's own
    assert environment.pop("PATH").startswith("/usr/local/sbin:")
    assert environment == {"LANG": "C.UTF-8", "PORT443_HOOK": "deployed", "PORT443_NAME": NAME}
    assert told["fds"] == [] and told["leader"] and int(told["blocked"], 16) == 0
    assert int(told["capabilities"].replace("\t", ""), 16) == 0
    if os.getuid() == 0:
        user = pwd.getpwnam(s.report().get("user") or "nobody")
        assert set(told["uids"]) == {user.pw_uid} and set(told["gids"]) == {user.pw_gid}
        assert set(told["groups"]) <= {user.pw_gid}
    else:
        assert set(told["uids"]) == {os.getuid()}


def test_in_use_when_deployed(server, ca, tmp_path):
    """The program is told once a handshake has shown the new certificate."""
    log, program = tmp_path / "seen.log", tmp_path / "seen"
    log.touch()
    log.chmod(0o666)
    program.write_text(f"""#!/bin/sh
openssl s_client -connect 127.0.0.1:{ca.server_ports.numbers[0]} -servername {NAME} </dev/null 2>/dev/null |
    openssl x509 -noout -serial >>{log}
""")
    program.chmod(0o755)
    s = server(config(tmp_path, ca, NAME, acme={"hooks": {"deployed": str(program)}}), ports=ca.server_ports, workers=2)
    cert = issued(s, NAME, ca.root)
    seen = wait_for(lambda: log.read_text().strip(), "the program to look", 20, s.events.text)
    assert int(seen.removeprefix("serial="), 16) == cert.serial_number
