# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""The local CA: constrained root, leaves that renew themselves, and the verbs that show them."""

import json
import os
import ssl
import stat

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from lib.wait import wait_for

SITES = """
sites:
  localhost: {respond: ok}
  app.test: {respond: app, aliases: [www.app.test]}
  "*.wild.internal": {respond: wild}
  127.0.0.1: {respond: address}
"""


def test_root_is_constrained(server):
    s = server(SITES)
    root = x509.load_pem_x509_certificate(s.root.read_bytes())
    basic = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical and basic.value.ca and basic.value.path_length == 0
    limits = root.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    names = {g.value for g in limits.value.permitted_subtrees if isinstance(g, x509.DNSName)}
    assert names == {"localhost", "test", "internal", "home.arpa"}
    networks = {str(g.value) for g in limits.value.permitted_subtrees if isinstance(g, x509.IPAddress)}
    assert {"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128"} <= networks
    assert isinstance(root.public_key().curve, ec.SECP256R1)


def test_leaves_verify(server):
    s = server(SITES)
    for name, text in [("localhost", "ok"), ("app.test", "app"), ("www.app.test", "app"), ("x.wild.internal", "wild"),
                       ("127.0.0.1", "address")]:
        answer = s.curl("/", name=name)
        assert (answer.exit, answer.text) == (0, text), answer.stderr
    with s.tls() as link:
        leaf = x509.load_der_x509_certificate(link.sock.getpeercert(True))
    assert isinstance(leaf.public_key().curve, ec.SECP256R1)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_root_and_leaves_outlive_a_restart(server, tmp_path):
    first = server(SITES)
    with first.tls() as link:
        serial = link.sock.getpeercert()["serialNumber"]
    root = first.root.read_bytes()
    assert first.stop() == 0
    again = type(first)(SITES, tmp_path).start()
    try:
        assert again.root.read_bytes() == root
        with again.tls() as link:
            assert link.sock.getpeercert()["serialNumber"] == serial
    finally:
        assert again.look_over() == []


def test_leaf_renews_itself(server):
    s = server("sites: {localhost: {respond: ok}}", env={"PORT443_LEAF_SECONDS": "3"}, workers=2)
    serials = set()

    def renewed():
        with s.tls() as link:  # each one verifies: never an expired one in between
            serials.add(link.sock.getpeercert()["serialNumber"])
            assert link.get("/").text == "ok"
        return len(serials) >= 3
    wait_for(renewed, "two renewals", 20)


def test_cert_root_and_list(server, program):
    s = server(SITES)
    assert s.root.read_text().startswith("-----BEGIN CERTIFICATE-----")
    table = s.verb("cert", "list")
    assert table.returncode == 0 and "app.test" in table.stdout and "days left" in table.stdout
    rows = {row["name"]: row for row in json.loads(s.verb("cert", "list", "--json").stdout)}
    assert rows["localhost"]["kind"] == "local" and rows["localhost"]["days_left"] in (89, 90)
    assert set(rows) >= {"localhost", "app.test", "127.0.0.1"}
    with s.tls() as link:
        end = ssl.cert_time_to_seconds(link.sock.getpeercert()["notAfter"])
    assert rows["localhost"]["not_after"] == end


def test_cert_verbs_without_a_server(program, tmp_path):
    done = program("cert", "root", "--state", tmp_path / "none")
    assert done.returncode == 2 and "there is no local root" in done.stderr and "port443 serve" in done.stderr
    done = program("cert", "list", "--json", "--state", tmp_path / "none")
    assert done.returncode == 0 and json.loads(done.stdout) == []
    done = program("cert", "lst")
    assert done.returncode == 64 and "list, root or trust" in done.stderr


def test_trust_asks_first(server):
    """Without a terminal to ask on, nothing is installed."""
    s = server("sites: {localhost: {respond: ok}}")
    target = "/usr/local/share/ca-certificates/port443-local-ca.crt"
    before = os.path.exists(target) and os.stat(target).st_mtime
    done = s.verb("cert", "trust")
    assert done.returncode == 2 and "--yes" in done.stderr
    assert (os.path.exists(target) and os.stat(target).st_mtime) == before


def test_public_name_gets_a_temporary_certificate(server):
    """ACME has another place: until then the name is served, and never by the local CA."""
    s = server("sites: {www.example.com: {respond: ok}}")
    with s.tls("www.example.com", cafile=False) as link:
        leaf = x509.load_der_x509_certificate(link.sock.getpeercert(True))
        assert leaf.issuer == leaf.subject
    assert stat.S_ISSOCK(os.stat(s.state / "port443.sock").st_mode)
