# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Validations as a certificate authority makes them: connects to loopback instead of to where DNS leads."""

import hashlib
import http.client
import ipaddress
import socket
import ssl

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

ACME_IDENTIFIER = ObjectIdentifier("1.3.6.1.5.5.7.1.31")
TIMEOUT_S = 10


def http01(port, identifier, token, expected):
    """None, or (error type, detail)."""
    try:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        host = f"[{identifier}]" if ":" in identifier else identifier
        link.request("GET", f"/.well-known/acme-challenge/{token}", headers={"Host": host, "User-Agent": "scripted-ca"})
        answer = link.getresponse()
        body = answer.read(1024)
        link.close()
    except (OSError, http.client.HTTPException) as e:
        return "connection", f"fetching http://{identifier}/.well-known/acme-challenge/{token}: {e}"
    if answer.status != 200 or body.rstrip() != expected.encode():
        return "unauthorized", f"status {answer.status}, {body[:80]!r} instead of the key authorization"
    return None


def server_name(identifier):
    """What stands in SNI (RFC 8738 6)."""
    try:
        return ipaddress.ip_address(identifier).reverse_pointer
    except ValueError:
        return identifier


def alpn01(port, identifier, expected):
    """None, or (error type, detail); the checklist of a strict validator."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["acme-tls/1"])
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as plain:
            with context.wrap_socket(plain, server_hostname=server_name(identifier)) as link:
                chosen, der = link.selected_alpn_protocol(), link.getpeercert(True)
    except ssl.SSLError as e:
        return "tls", str(e)
    except OSError as e:
        return "connection", str(e)
    if chosen != "acme-tls/1":
        return "tls", f"the server chose {chosen}"
    return alpn_certificate(x509.load_der_x509_certificate(der), identifier, expected)


def alpn_certificate(cert, identifier, expected):
    names = list(cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    if [str(n.value) for n in names] != [identifier]:
        return "unauthorized", f"names {names}"
    if cert.issuer != cert.subject or cert.version is not x509.Version.v3:
        return "unauthorized", "not a self-signed v3 certificate"
    try:
        proof = cert.extensions.get_extension_for_oid(ACME_IDENTIFIER)
    except x509.ExtensionNotFound:
        return "unauthorized", "no acmeIdentifier extension"
    good = b"\x04\x20" + hashlib.sha256(expected.encode()).digest()
    if not proof.critical or proof.value.value != good:
        return "unauthorized", "acmeIdentifier is not critical, or of another key authorization"
    return None
