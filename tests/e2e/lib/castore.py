# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""The signing half of the scripted CA: a root, an intermediate, leaves by CSR under a clock of the scenario."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from .jose import Bad, b64


def _time(seconds):
    return datetime.datetime.utcfromtimestamp(int(seconds))


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(*certs):
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certs)


def general_name(kind, value):
    return x509.IPAddress(ipaddress.ip_address(value)) if kind == "ip" else x509.DNSName(value)


def _identifiers(names):
    return sorted(("ip", str(n.value)) if isinstance(n, x509.IPAddress) else ("dns", n.value.lower()) for n in names)


class Signer:
    """Roots "Scripted Root 0", ... (all certify the same intermediate)."""

    def __init__(self, roots=1):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.roots, self.intermediates = [], []
        self.ocsp_url = None  # set: named in every leaf
        self.leaves = {}  # by serial number, DER: a copy for other threads (one object has one reader at a time)
        for i in range(roots):
            key = ec.generate_private_key(ec.SECP256R1())
            root = self._sign(f"Scripted Root {i}", key.public_key(), f"Scripted Root {i}", key, None)
            self.roots.append(root)
            self.intermediates.append(self._sign("Scripted Intermediate", self.key.public_key(), f"Scripted Root {i}", key, 0))

    def _sign(self, subject, public, issuer, issuer_key, path_length, names=(), span=None, ca=True):
        begin, end = span or (1577836800, 4070908800)  # 2020 .. 2099
        build = (x509.CertificateBuilder().subject_name(_name(subject) if subject else x509.Name([]))
                 .issuer_name(_name(issuer)).public_key(public).serial_number(x509.random_serial_number())
                 .not_valid_before(_time(begin)).not_valid_after(_time(end))
                 .add_extension(x509.BasicConstraints(ca, path_length if ca else None), True)
                 .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
                 .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False))
        if names:
            build = build.add_extension(x509.SubjectAlternativeName(names), False)
            build = build.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        if names and self.ocsp_url:
            build = build.add_extension(x509.AuthorityInformationAccess([x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(self.ocsp_url))]), False)
        return build.sign(issuer_key, hashes.SHA256())

    def leaf(self, public, identifiers, begin, end, ca=False):
        names = [general_name(kind, value) for kind, value in identifiers]
        made = self._sign("", public, "Scripted Intermediate", self.key, None, names, (begin, end), ca)
        self.leaves[made.serial_number] = made.public_bytes(serialization.Encoding.DER)
        return made

    def chain(self, leaf, root=0):
        return _pem(leaf, self.intermediates[root])

    def root_pem(self, root=0):
        return _pem(self.roots[root])


def read_csr(der, identifiers):
    """The CSR, which must ask for exactly these identifiers."""
    try:
        csr = x509.load_der_x509_csr(der)
    except ValueError as e:
        raise Bad("badCSR", str(e)) from None
    if not csr.is_signature_valid:
        raise Bad("badCSR", "its signature does not verify")
    try:
        names = list(csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        raise Bad("badCSR", "no names in it") from None
    if _identifiers(names) != sorted(identifiers):
        raise Bad("badCSR", f"asks for {_identifiers(names)}, the order is for {sorted(identifiers)}")
    return csr


def certificate_id(cert):
    """RFC 9773 4.1"""
    authority = cert.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    number = cert.serial_number
    return f"{b64(authority)}.{b64(number.to_bytes(number.bit_length() // 8 + 1, 'big'))}"
