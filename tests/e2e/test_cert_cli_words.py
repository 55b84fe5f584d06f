# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""`port443 cert`: wrong command lines, empty and damaged stores, and what each says to do next."""

import json
import os
import pty
import shutil
import socket
import subprocess

import pytest
from lib.certs import Certs
from lib.ports import Ports
from lib.server import BINARY

WORDS = ["list", "doctor", "issue", "renew", "revoke", "account", "import", "export", "dns", "root", "trust"]


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def cert(program, state):
    return lambda *words: program("cert", *words, "--state", state)


@pytest.fixture
def kept(cert, state, tmp_path):
    """A store with one certificate, and its directory."""
    pair = Certs(tmp_path / "pki").leaf("www.example.org", stem="w")
    live = tmp_path / "le/live/www.example.org"
    live.mkdir(parents=True)
    shutil.copy(pair.cert, live / "fullchain.pem")
    shutil.copy(pair.key, live / "privkey.pem")
    assert cert("import", "--from", tmp_path / "le").returncode == 0
    return state / "certs/www.example.org.ecdsa"


@pytest.mark.parametrize("word", WORDS)
def test_help(word, program):
    done = program("cert", word, "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith(f"usage: port443 cert {word}") and "example" in done.stdout
    assert word in program("cert", "--help").stdout


@pytest.mark.parametrize("words, said", [
    ([], "list"),
    (["lists"], "did you mean list?"),
    (["list", "x"], "takes no words"),
    (["issue"], "which name?"),
    (["issue", "https://www.example.org/"], "host name"),
    (["issue", "-a.example.org"], "unknown option"),
    (["issue", "*.example.org"], "--dns-server or --dns-hook"),
    (["issue", "192.0.2.1", "--dns-hook", "/bin/true"], "http-01"),
    (["issue", "app.test"], "local name"),
    (["issue", "a.example.org", "--directory", "lets-encrypt"], "https://"),
    (["issue", "a.example.org", "--directory", "http://ca.example/dir"], "https://"),
    (["issue", "a.example.org", "--challenge", "http-1"], "tls-alpn-01"),
    (["issue", "a.example.org", "--challenge", "dns-01"], "--dns-hook"),
    (["issue", "a.example.org", "--http-port", "0"], "65535"),
    (["issue", "a.example.org", "--eab-kid", "k"], "belong together"),
    (["issue", "a.example.org", "--tsig-name", "k", "--dns-server", "127.0.0.1:53"], "belong together"),
    (["issue", "a.example.org", "--emial", "x"], "did you mean --email?"),
    (["renew", "a.example.org", "b.example.org"], "too many words"),
    (["revoke"], "which name?"),
    (["revoke", "a.example.org", "--reason", "keyCompromised"], "did you mean keyCompromise"),
    (["account", "rolover"], "did you mean rollover"),
    (["doctor"], "which name?"),
    (["export", "a.example.org"], "--to DIR"),
    (["dns", "a.example.org", "--directory", "https://ca.example/dir"], "--issuer"),
])
def test_wrong_command_lines(words, said, cert, program):
    done = cert(*words) if words else program("cert")
    assert done.returncode == 64 and said in done.stderr and "--help" in done.stderr or "a name is" in done.stderr, done.stderr
    assert done.stdout == ""


def test_empty_store(cert, state):
    assert json.loads(cert("list", "--json").stdout) == []
    assert f"no certificates in {state}" in cert("list").stdout
    assert json.loads(cert("account", "--json").stdout) == []
    done = cert("renew")
    assert done.returncode == 0 and "no certificate of a CA" in done.stdout
    done = cert("renew", "www.example.org")
    assert done.returncode == 2 and 'cert issue www.example.org"' in done.stderr
    done = cert("revoke", "www.example.org")
    assert done.returncode == 2 and "cert list" in done.stderr
    done = cert("doctor", "WWW.Example.org.")
    assert done.returncode == 1 and "port443 cert issue www.example.org" in done.stdout
    done = cert("dns", "www.example.org")
    assert done.returncode == 2 and "--account" in done.stderr
    assert not state.exists(), "nothing was made by looking"


def test_persist_record(cert):
    done = cert("dns", "*.example.org", "--account", "https://acme-v02.api.letsencrypt.org/acme/acct/1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('_validation-persist.example.org. IN TXT "letsencrypt.org;')
    assert "accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1" in done.stdout and "policy=wildcard" in done.stdout


def test_doctor_of_a_good_one(cert, kept):
    done = cert("doctor", "www.example.org")
    assert done.returncode == 0, done.stdout
    assert "valid" in done.stdout and "renewal" in done.stdout and "nothing: it renews itself" in done.stdout


@pytest.mark.parametrize("file, bytes_, still", [
    ("000001/key.pem", b"", False),
    ("000001/chain.pem", b"garbage", False),
    ("000001/meta.json", b"{", True),
    ("job.json", b"\0\0", True),
], ids=["key", "chain", "meta", "job"])
def test_damaged_store(file, bytes_, still, cert, kept):
    (kept / file).write_bytes(bytes_)
    before = sorted(os.listdir(kept))
    done = cert("list", "--json")
    assert done.returncode == 0
    row = json.loads(done.stdout)[0]
    assert ("not_after" in row) == still and row["trouble"]
    done = cert("doctor", "www.example.org")
    assert done.returncode == 1 and "trouble" in done.stdout
    assert "trouble" in cert("list").stdout
    assert sorted(os.listdir(kept)) == before, "looking moves nothing"


def test_doctor_repeats_the_ca(cert, kept):
    words = "CAA record for example.org prevents issuance"
    (kept / "job.json").write_text(json.dumps({"step": "none", "failures": 3, "last_error": words, "last_problem": "caa",
                                               "last_failure_s": 1700000000, "next_s": 1900000000}))
    done = cert("doctor", "www.example.org")
    assert done.returncode == 1 and words in done.stdout and "CAA records" in done.stdout
    assert "no server runs" in done.stdout and "3 in a row" in done.stdout
    row = json.loads(cert("list", "--json").stdout)[0]
    assert (row["last_error"], row["last_problem"], row["failures"]) == (words, "caa", 3)
    assert words in cert("list").stdout


def test_renew_before_it_is_due(cert, kept):
    done = cert("renew", "www.example.org")
    assert done.returncode == 0 and "not due before" in done.stdout


def test_taken_port(cert):
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = cert("issue", "www.example.org", "--challenge", "http-01", "--http-port", port,
                    "--directory", "https://127.0.0.1:1/dir")
    assert done.returncode == 2 and f"port {port}" in done.stderr and "taken" in done.stderr and "dns-01" in done.stderr


def test_foreign_store(cert, state, tmp_path):
    (state / "certs").mkdir(parents=True)
    (state / "certs/wiki.txt").write_text("mine")
    (tmp_path / "le/live").mkdir(parents=True)
    done = cert("import", "--from", tmp_path / "le")
    assert done.returncode == 2 and "wiki.txt" in done.stderr and "--state" in done.stderr


@pytest.mark.parametrize("term, moves", [("xterm", True), ("dumb", False)])
def test_progress(term, moves, state):
    """One line that is rewritten, and taken away before the end is told; nothing where it cannot be."""
    ours, theirs = pty.openpty()
    words = [BINARY, "cert", "issue", "www.example.org", "--challenge", "http-01", "--http-port", str(Ports(1).numbers[0]),
             "--directory", "https://127.0.0.1:1/dir", "--no-preflight", "--state", str(state)]
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": term}) as child:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
            shown += part
        assert child.wait() == 2, shown
    os.close(ours)
    lines = shown.split(b"\r\x1b[K")
    assert (len(lines) > 2) == moves and b"\n" not in b"".join(lines[:-1]), shown
    assert lines[-1].startswith(b"port443 cert issue: ") and b"127.0.0.1:1" in lines[-1]
    assert not moves or any(part.startswith(b"www.example.org: ") for part in lines)
