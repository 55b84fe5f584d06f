# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Forward secrecy and AEAD only; X25519 and P-256 without another round trip; no compression, no client certificate."""

import ssl

import pytest
from lib.tlsbio import s_client

V = ssl.TLSVersion
ONLY_12 = (V.TLSv1_2, V.TLSv1_2)


@pytest.fixture(name="both_kinds")
def fixture_both_kinds(server, certs):
    """A server whose one name has an ECDSA and an RSA certificate."""
    ec, rsa = certs.leaf("localhost"), certs.leaf("localhost", key="rsa")
    s = server(f"""
sites:
  localhost:
    respond: connection
    tls: {{certs: [{{cert: {ec.cert}, key: {ec.key}}}, {{cert: {rsa.cert}, key: {rsa.key}}}]}}
""")
    s.root.write_bytes(certs.root.read_bytes())
    s.serials = {"ecdsa": ec.x509.serial_number, "rsa": rsa.x509.serial_number}
    return s


def serial_of(link):
    return int(link.sock.getpeercert()["serialNumber"], 16)


@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                   "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256",
                                   "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"])
def test_suites_of_12(both_kinds, suite):
    with both_kinds.tls(versions=ONLY_12, ciphers=suite) as link:
        assert link.sock.cipher()[0] == suite
        assert link.get("/").json()["tls"]["suite"].startswith("TLS_ECDHE_")
        assert serial_of(link) == both_kinds.serials["rsa" if "RSA-" in suite.replace("ECDSA", "") else "ecdsa"]


@pytest.mark.parametrize("suite", ["AES128-GCM-SHA256", "AES128-SHA", "AES256-SHA256", "ECDHE-RSA-AES128-SHA",
                                   "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA384", "ECDHE-ECDSA-AES128-CCM",
                                   "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CAMELLIA128-SHA256", "ADH-AES128-GCM-SHA256",
                                   "AECDH-AES128-SHA", "ECDHE-ECDSA-NULL-SHA"])
def test_suites_refused(both_kinds, suite):
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        both_kinds.tls(versions=ONLY_12, ciphers=f"{suite}:@SECLEVEL=0")


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
def test_suites_of_13(both_kinds, suite):
    out = s_client(both_kinds.https_port, "-tls1_3", "-ciphersuites", suite)
    assert f"Cipher is {suite}" in out


def test_aes_128_is_first(both_kinds):
    """Cheapest for both; the order is the server's."""
    out = s_client(both_kinds.https_port, "-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256")
    assert "Cipher is TLS_AES_128_GCM_SHA256" in out


@pytest.mark.parametrize("algorithm,kind", [("RSA-PSS+SHA256", "rsa"), ("ECDSA+SHA256", "ecdsa"),
                                            ("RSA-PSS+SHA256:ECDSA+SHA256", "ecdsa")])
def test_certificate_by_signature_algorithm(both_kinds, algorithm, kind):
    out = s_client(both_kinds.https_port, "-tls1_3", "-sigalgs", algorithm)
    assert f"Peer signature type: {'RSA-PSS' if kind == 'rsa' else 'ECDSA'}" in out


@pytest.mark.parametrize("groups,chosen", [("X25519", "X25519"), ("P-256", "P-256"), ("P-256:X25519", "P-256"),
                                           ("X25519:P-256", "X25519")])
def test_groups_without_a_further_round_trip(both_kinds, groups, chosen):
    out = s_client(both_kinds.https_port, "-tls1_3", "-groups", groups, "-msg")
    key = {"X25519": "X25519", "P-256": "ECDH, prime256v1"}[chosen]
    assert f"Server Temp Key: {key}" in out
    assert out.count("ClientHello") == 1


def test_no_compression_no_client_certificate_no_early_data(both_kinds):
    out = s_client(both_kinds.https_port, "-tls1_2", "-msg", "-comp")
    assert "Compression: NONE" in out and "CertificateRequest" not in out and "Cipher is ECDHE" in out
    out = s_client(both_kinds.https_port, "-tls1_3", "-msg", say="GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert "CertificateRequest" not in out and "Early data was not sent" in out


def test_renegotiation_is_refused(both_kinds):
    out = s_client(both_kinds.https_port, "-tls1_2", "-msg", say="R\n")
    assert "RENEGOTIATING" in out and "Secure Renegotiation IS supported" in out
    assert "no_renegotiation" in out, out[-2000:]
    assert both_kinds.curl("/").status == 200
