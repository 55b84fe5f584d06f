# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Challenge records go out of DNS whatever ends the order: a stop, a reload, Ctrl-C. And one engine at a time for a store."""

import signal
import subprocess
import threading
import time

import pytest
from lib.acme import config, issued, trusted
from lib.dnshook import hook
from lib.fakeca import running_fake, stop_fake
from lib.named import running_named
from lib.server import BINARY, run
from lib.wait import PATIENCE, wait_for

NAME = "clean.example.com"
RECORD = f"_acme-challenge.{NAME}"


@pytest.fixture(scope="module", name="dns")
def fixture_dns():
    with running_named() as dns:
        yield dns


class Stuck:
    """A validation that takes until .go is set."""

    def __init__(self, ca):
        self.go, self.asked = threading.Event(), threading.Event()
        ca.verdict = self.wait

    def wait(self, *_):
        self.asked.set()
        self.go.wait(60)


@pytest.fixture(name="ca")
def fixture_ca():
    ca = running_fake(challenges=["dns-01"])
    ca.stuck = Stuck(ca)
    yield ca
    ca.stuck.go.set()
    stop_fake(ca)


def settings(dns, tmp_path, **more):
    path = tmp_path / "tsig"
    path.write_text(dns.secret + "\n")
    return {"challenges": ["dns-01"], "resolver": dns.resolver,
            "dns": {"server": dns.resolver, "tsig_name": dns.key, "tsig_secret_file": str(path)} | more}


def stands(ca, dns):
    wait_for(ca.stuck.asked.is_set, "the CA to be told", 20, dns.peer.text)
    assert len(dns.texts(RECORD)) == 1
    return dns.texts(RECORD)


def test_stop(server, ca, dns, tmp_path):
    s = server(config(tmp_path, ca, NAME, acme=settings(dns, tmp_path)), ports=ca.server_ports)
    stands(ca, dns)
    assert s.stop() == 0
    assert dns.texts(RECORD) == []


def test_stop_with_a_program(server, ca, dns, tmp_path):
    path, calls = hook(dns, tmp_path)
    acme = {"challenges": ["dns-01"], "resolver": dns.resolver, "dns": {"hook": str(path)}}
    s = server(config(tmp_path, ca, NAME, acme=acme), ports=ca.server_ports)
    stands(ca, dns)
    assert s.stop() == 0
    assert [c[0][0] for c in calls()] == ["present", "cleanup"]
    assert dns.texts(RECORD) == []


def test_stop_does_not_wait_for_a_dead_name_server(server, ca, dns, tmp_path):
    """drain_timeout bounds the clean-up too."""
    s = server(config(tmp_path, ca, NAME, acme=settings(dns, tmp_path), drain_timeout="2s"), ports=ca.server_ports)
    stands(ca, dns)
    dns.peer.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    try:
        assert s.stop() == 0
    finally:
        dns.peer.process.send_signal(signal.SIGCONT)
    assert time.monotonic() - began < 5 * PATIENCE
    assert "left in DNS" in s.events.text()


def test_reload(server, ca, dns, tmp_path):
    """Other settings: the order is taken up again by them, its record is not lost to the removal of the first one."""
    s = server(config(tmp_path, ca, NAME, acme=settings(dns, tmp_path)), ports=ca.server_ports)
    stands(ca, dns)
    before = len([line for line in dns.updates() if "deleting an RR" in line])
    s.reload(config(tmp_path, ca, NAME, acme=settings(dns, tmp_path, propagation_timeout="50s")))
    wait_for(lambda: len([line for line in dns.updates() if "deleting an RR" in line]) > before, "the removal", 20, dns.peer.text)
    ca.stuck.go.set()
    issued(s, NAME, ca.root)
    wait_for(lambda: not dns.texts(RECORD), "the record to go", 20, dns.peer.text)
    assert not s.events.find("certificate_trouble")


def command(tmp_path, ca, dns, *words):
    acme = settings(dns, tmp_path)["dns"]
    https, http = ca.server_ports.numbers
    return [BINARY, "cert", "issue", *words, "--directory", ca.directory, "--ca-file", str(trusted(tmp_path, ca)), "--no-preflight",
            "--dns-server", dns.resolver, "--tsig-name", dns.key, "--tsig-secret-file", acme["tsig_secret_file"], "--resolver",
            dns.resolver, "--https-port", str(https), "--http-port", str(http)]


@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_command(ca, dns, tmp_path, signo):
    state = tmp_path / "state"
    words = command(tmp_path, ca, dns, NAME, "--state", str(state))
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        value = stands(ca, dns)
        p.send_signal(signo)
        _, err = p.communicate(timeout=20 * PATIENCE)
    assert p.returncode == 128 + signo and "removed" in err, err
    assert dns.texts(RECORD) == []
    ca.stuck.go.set()  # and the next one takes the order up again
    done = run(*words[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(ca.orders) == 1 and len(ca.accounts) == 1
    assert value and dns.texts(RECORD) == []


def test_one_at_a_time(server, ca, dns, tmp_path):
    """A command beside another, and beside a server: refused before an account is made."""
    ca.stuck.go.set()
    s = server(config(tmp_path, ca, NAME, acme=settings(dns, tmp_path)), ports=ca.server_ports)
    issued(s, NAME, ca.root)
    done = run(*command(tmp_path, ca, dns, "other.example.com", "--state", str(s.state))[1:])
    assert done.returncode == 2 and f"the server (process {s.pid})" in done.stderr and "--state" in done.stderr, done.stderr
    assert len(ca.accounts) == 1 and len(ca.orders) == 1
