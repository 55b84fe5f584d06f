# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What the processes that touch the network may still do: nothing but their work."""

import os
import pathlib
import pwd
import re

import pytest
from lib.proc import sanitized
from lib.wait import wait_for


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().split("\n")
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def descriptors_of(pid):
    return {n: os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")}


@pytest.mark.skipif(os.getuid() != 0, reason="root only")
def test_root_is_dropped(server, site):
    s = server([f"localhost={site}"], workers=2, args=["--user", "nobody"])
    nobody = pwd.getpwnam("nobody")
    for pid in [*s.worker_pids(), s.keeper_pid()]:
        status = status_of(pid)
        assert set(status["Uid"].split()) == {str(nobody.pw_uid)}
        assert set(status["Gid"].split()) == {str(nobody.pw_gid)}
        assert status["Groups"].strip() in ("", str(nobody.pw_gid))
        for kind in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
            assert int(status[kind], 16) == 0, kind
    assert s.curl("/").status == 200


@pytest.mark.skipif(sanitized(), reason="sanitizers need system calls that no server needs")
def test_children_are_sandboxed(server, site):
    s = server([f"localhost={site}"], workers=2)
    for pid in [*s.worker_pids(), s.keeper_pid()]:
        status = status_of(pid)
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"


@pytest.mark.skipif(os.getuid() != 0, reason="descriptors of sandboxed processes are shown to root only")
def test_workers_hold_only_their_own_descriptors(server, site, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("not for the network")
    with open(secret, "rb") as inherited:
        s = server([f"localhost={site}"], workers=2, pass_fds=[inherited.fileno()])
        sockets = []
        for pid in s.worker_pids():
            links = descriptors_of(pid)
            allowed = re.compile(r"socket:|anon_inode:|pipe:|/dev/null|/dev/urandom|/memfd:|" +
                                 re.escape(str(site)) + "|" + re.escape(str(tmp_path)) + r"/std(err|out)\.log")
            assert not [v for v in links.values() if not allowed.match(v)]
            sockets.append({v for v in links.values() if v.startswith("socket:")})
        assert not sockets[0] & sockets[1]  # neither the other's listeners nor its line to the master
        assert str(secret) not in descriptors_of(s.keeper_pid()).values()
        assert not sockets[0] & set(descriptors_of(s.keeper_pid()).values())


@pytest.mark.skipif(os.getuid() != 0, reason="root only")
def test_keys_are_closed_to_others(server, site):
    s = server([f"localhost={site}"])
    keys = [p for p in s.state.rglob("*") if p.is_file() and "PRIVATE KEY" in p.read_text(errors="replace")]
    assert len(keys) == 2  # the root's and the leaf's
    for p in [s.state, *s.state.rglob("*")]:
        if not p.is_socket():
            assert p.stat().st_mode & 0o077 == 0, p


def test_an_ordinary_user_serves(server, site, tmp_path, nobody):
    tmp_path.chmod(0o777)
    s = server([f"localhost={site}"], prefix=nobody)
    assert s.curl("/").text == "hello\n"
    with s.plain() as link:
        assert link.get("/").status == 308
    assert s.verb("stop").returncode == 0
    wait_for(lambda: s.ended() == 0, "the server to end")
