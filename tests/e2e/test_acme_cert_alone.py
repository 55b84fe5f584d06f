# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""`port443 cert issue` without a server: it binds the ports itself, for every kind of challenge."""

import json
import socket

import pytest
from cryptography import x509
from lib.acme import Store, names_of, trusted
from lib.named import running_named
from lib.pebble import running_pebble
from lib.peer import need
from lib.dnshook import hook


class Alone:
    """The verbs of a machine without a server."""

    def __init__(self, program, tmp_path, ca):
        self.program, self.ca, self.state = program, ca, tmp_path / "state"
        self.roots = trusted(tmp_path, ca)

    def issue(self, *words):
        https, http = self.ca.server_ports.numbers
        return self.program("cert", "issue", *words, "--state", self.state, "--directory", self.ca.directory, "--ca-file",
                            self.roots, "--email", "ops@example.com", "--http-port", http, "--https-port", https,
                            timeout=60)

    def row(self, name):
        rows = json.loads(self.program("cert", "list", "--json", "--state", self.state).stdout)
        return next((r for r in rows if r["name"] == name), {})


@pytest.fixture(scope="module", name="dns")
def fixture_dns():
    with running_named() as dns:
        yield dns


@pytest.fixture(scope="module", name="ca")
def fixture_ca(dns):
    with running_pebble(dns_server=dns.resolver, authz_reuse=0) as ca:
        yield ca


@pytest.fixture(name="alone")
def fixture_alone(program, tmp_path, ca):
    return Alone(program, tmp_path, ca)


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01"])
@pytest.mark.parametrize("name", ["alone.example.com", "127.0.0.1"])
def test_issue(alone, ca, dns, challenge, name):
    done = alone.issue(name, "--challenge", challenge, "--resolver", dns.resolver)
    assert done.returncode == 0, done.stdout + done.stderr
    cert = Store(alone).current(name)
    assert names_of(cert) == {name}
    assert ca.status_by_serial(cert.serial_number)["Status"] == "Valid"
    assert alone.row(name)["kind"] == "acme"
    for port in ca.server_ports.numbers:  # and the ports are free again
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))


def test_several_names_and_rsa(alone, dns):
    done = alone.issue("a.example.com", "b.example.com", "--rsa", "--resolver", dns.resolver)
    assert done.returncode == 0, done.stdout + done.stderr
    cert = Store(alone).current("a.example.com", "rsa")
    assert names_of(cert) == {"a.example.com", "b.example.com"}


def test_dns_hook(alone, dns, tmp_path):
    need("nsupdate")
    path, calls = hook(dns, tmp_path)
    done = alone.issue("*.example.com", "--challenge", "dns-01", "--dns-hook", path, "--resolver", dns.resolver)
    assert done.returncode == 0, done.stdout + done.stderr
    assert names_of(Store(alone).current("*.example.com")) == {"*.example.com"}
    assert [c[0][0] for c in calls()] == ["present", "cleanup"]


def test_ports_in_use(alone, ca, dns):
    """Somebody listens there already: said, with the next thing to do; the CA hears nothing."""
    https, http = ca.server_ports.numbers
    before = ca.requests("/order-plz")
    with socket.socket() as one, socket.socket() as two:
        for sock, port in ((one, https), (two, http)):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("0.0.0.0", port))
            sock.listen()
        done = alone.issue("busy.example.com", "--resolver", dns.resolver)
    assert done.returncode == 2 and str(http) in done.stderr, done.stdout + done.stderr
    assert ca.requests("/order-plz") == before


def test_export(alone, program, dns, tmp_path):
    assert alone.issue("out.example.com", "--resolver", dns.resolver).returncode == 0
    done = program("cert", "export", "out.example.com", "--state", alone.state, "--to", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    cert = x509.load_pem_x509_certificate((tmp_path / "out" / "fullchain.pem").read_bytes())
    assert cert.serial_number == Store(alone).current("out.example.com").serial_number
    key = tmp_path / "out" / "key.pem"
    assert key.stat().st_mode & 0o077 == 0 and b"PRIVATE KEY" in key.read_bytes()


def test_account(alone, program, dns):
    """Shown, its key changed, deactivated."""
    assert alone.issue("acct.example.com", "--resolver", dns.resolver).returncode == 0
    how = ["--state", alone.state, "--directory", alone.ca.directory, "--ca-file", alone.roots]
    shown = program("cert", "account", "show", *how)
    assert shown.returncode == 0 and alone.ca.directory in shown.stdout
    key = next((alone.state / "accounts").rglob("account.key"))
    old = key.read_bytes()
    done = program("cert", "account", "rollover", *how)
    assert done.returncode == 0, done.stdout + done.stderr
    assert key.read_bytes() != old
    assert alone.issue("after.example.com", "--resolver", dns.resolver).returncode == 0
    done = program("cert", "account", "deactivate", "--yes", *how)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list((alone.state / "accounts").rglob("account.key")) or not key.exists()


def test_revoke_alone(alone, program, dns):
    assert alone.issue("gone.example.com", "--resolver", dns.resolver).returncode == 0
    serial = Store(alone).current("gone.example.com").serial_number
    done = program("cert", "revoke", "gone.example.com", "--state", alone.state, "--reason", "cessationOfOperation",
                   "--ca-file", alone.roots)
    assert done.returncode == 0, done.stdout + done.stderr
    assert alone.ca.status_by_serial(serial)["Reason"] == 5


def test_progress_only_on_a_terminal(alone, dns):
    done = alone.issue("quiet.example.com", "--resolver", dns.resolver)
    assert done.returncode == 0 and "\x1b" not in done.stdout + done.stderr and "\r" not in done.stderr
