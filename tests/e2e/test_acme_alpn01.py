# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""tls-alpn-01: with nothing but port 443 open, inside the handshake, and only for the CA."""

import socket
import ssl
import threading

import pytest
from cryptography import x509
from lib.acme import config, issued, leaf
from lib.fakeca import running_fake, stop_fake
from lib.link import tcp, tls_context
from lib.pebble import running_pebble
from lib.validate import alpn_certificate
from lib.wait import PATIENCE

ONLY = {"challenges": ["tls-alpn-01"]}


@pytest.fixture(scope="module", name="ca")
def fixture_ca():
    with running_pebble() as ca:
        yield ca


@pytest.fixture(name="slow_ca")
def fixture_slow_ca():
    """A CA that waits with the validation: .reached is set when a challenge is active, .go lets it look."""
    ca = running_fake(challenges=["tls-alpn-01"])
    ca.reached, ca.go = threading.Event(), threading.Event()

    def verdict(*_):
        ca.reached.set()
        assert ca.go.wait(30 * PATIENCE)
    ca.verdict = verdict
    yield ca
    ca.go.set()
    stop_fake(ca)


def hello(s, name, alpn, version=None):
    """(protocol chosen, certificate) of a handshake; what the server refuses raises ssl.SSLError or OSError."""
    context = tls_context(None, alpn=alpn, versions=version and (version, version))
    with context.wrap_socket(tcp(s.https_port), server_hostname=name) as link:
        return link.selected_alpn_protocol(), x509.load_der_x509_certificate(link.getpeercert(True)), link.version()


def test_only_443(server, ca, tmp_path):
    s = server(config(tmp_path, ca, "a.example.com", "b.example.com", only_443=True), ports=ca.server_ports, workers=2)
    for name in ("a.example.com", "b.example.com"):
        issued(s, name, ca.roots())
    with pytest.raises(ConnectionRefusedError):
        tcp(s.http_port)


def test_while_a_challenge_is_active(server, slow_ca, tmp_path):
    s = server(config(tmp_path, slow_ca, "slow.example.com", "other.example.com", acme=ONLY, only_443=True),
               ports=slow_ca.server_ports)
    assert slow_ca.reached.wait(20 * PATIENCE)
    chosen, cert, _ = hello(s, "slow.example.com", ["acme-tls/1"])
    assert chosen == "acme-tls/1"
    wrong = alpn_certificate(cert, "slow.example.com", "not the key authorization")
    assert wrong == ("unauthorized", "acmeIdentifier is not critical, or of another key authorization")
    assert hello(s, "slow.example.com", ["acme-tls/1"], ssl.TLSVersion.TLSv1_2)[0] == "acme-tls/1"
    assert hello(s, "SLOW.example.com", ["acme-tls/1"])[0] == "acme-tls/1"
    # the connection ends behind the handshake: no request is ever read from it
    context = tls_context(None, alpn=["acme-tls/1"])
    with context.wrap_socket(tcp(s.https_port), server_hostname="slow.example.com") as link:
        try:
            link.sendall(b"GET / HTTP/1.1\r\nHost: slow.example.com\r\n\r\n")
            assert link.recv(100) == b""
        except OSError:
            pass  # a reset says the same
    # everybody else gets the ordinary certificate meanwhile
    for alpn in (["http/1.1"], ["acme-tls/1", "http/1.1"], ["h2", "acme-tls/1"], None):
        chosen, cert, _ = hello(s, "slow.example.com", alpn)
        assert chosen != "acme-tls/1" and not [e for e in cert.extensions if e.oid.dotted_string == "1.3.6.1.5.5.7.1.31"]
    for name in ("none.example.com", None, "127.0.0.1"):
        with pytest.raises(OSError):
            hello(s, name, ["acme-tls/1"])
    slow_ca.go.set()
    issued(s, "slow.example.com", slow_ca.root)
    issued(s, "other.example.com", slow_ca.root)


def test_without_a_challenge(server, ca, tmp_path):
    """acme-tls/1 alone is nobody's protocol once the certificate is there."""
    s = server(config(tmp_path, ca, "done.example.com", acme=ONLY), ports=ca.server_ports)
    issued(s, "done.example.com", ca.roots())
    for name in ("done.example.com", "unknown.example.com", None):
        with pytest.raises(OSError):
            hello(s, name, ["acme-tls/1"])
    leaf(s, "done.example.com", ca.roots())


def test_hostile_hellos(server, slow_ca, tmp_path):
    """Many that break off, and names of every odd form: the challenge is answered all the same."""
    s = server(config(tmp_path, slow_ca, "hard.example.com", acme=ONLY), ports=slow_ca.server_ports)
    assert slow_ca.reached.wait(20 * PATIENCE)
    context = tls_context(None, alpn=["acme-tls/1"])
    for _ in range(20):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="hard.example.com")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        sock = tcp(s.https_port)
        sock.sendall(outgoing.read())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        sock.close()
    for name in ("a" * 63 + ".example.com", "hard.example.com.evil.test", "xhard.example.com", "7.113.0.203.in-addr.arpa"):
        with pytest.raises(OSError):
            hello(s, name, ["acme-tls/1"])
    slow_ca.go.set()
    issued(s, "hard.example.com", slow_ca.root)
