# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Certificates of every kind, made with python3-cryptography in a directory of the scenario."""

import collections
import datetime
import functools
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)

# cert and key are PEM paths (cert with its intermediates, leaf first); x509 is the leaf, private_key its key.
Pair = collections.namedtuple("Pair", "cert key x509 private_key")


def _now():
    return datetime.datetime.utcnow().replace(microsecond=0)


@functools.lru_cache
def _rsa_key():
    return rsa.generate_private_key(65537, 2048)  # up to two seconds: one for a whole run


def _key(kind):
    return _rsa_key() if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


def _subject(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM)


def _key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Certs:
    """A root (.root, PEM path) and what it signs."""

    def __init__(self, directory, name="test root"):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(exist_ok=True, mode=0o755)
        self.count = 0
        self.root_key = _key("ec")
        self.root_cert = self._sign(name, self.root_key, None, None, ca=True)
        self.root = self.dir / "root.pem"
        self.root.write_bytes(_pem(self.root_cert))

    def _sign(self, subject, key, issuer, issuer_key, ca=False, names=(), since=None, until=None):
        build = (x509.CertificateBuilder().subject_name(_subject(subject))
                 .issuer_name(issuer.subject if issuer else _subject(subject)).public_key(key.public_key())
                 .serial_number(x509.random_serial_number())
                 .not_valid_before(since or _now() - 400 * DAY).not_valid_after(until or _now() + 400 * DAY)
                 .add_extension(x509.BasicConstraints(ca, None), True)
                 .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
                 .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key((issuer_key or key).public_key()), False))
        if names:
            build = build.add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), False)
            build = build.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        return build.sign(issuer_key or key, hashes.SHA256())

    def leaf(self, *names, key="ec", days=90, age_days=1, through_intermediate=False, stem=None):
        """A certificate for the names, valid from age_days ago for `days` from now (negative: expired)."""
        self.count += 1
        private = _key(key)
        since, until = _now() - age_days * DAY, _now() + days * DAY
        issuer, issuer_key, chain = self.root_cert, self.root_key, b""
        if through_intermediate:
            issuer_key = _key("ec")
            issuer = self._sign("test intermediate", issuer_key, self.root_cert, self.root_key, ca=True)
            chain = _pem(issuer)
        cert = self._sign(names[0], private, issuer, issuer_key, names=names, since=min(since, until - DAY), until=until)
        stem = stem or f"leaf{self.count}"
        return self.write(stem, _pem(cert) + chain, _key_pem(private), cert, private)

    def client(self, name):
        """A certificate that a client may show: for every purpose."""
        private = _key("ec")
        cert = self._sign(name, private, self.root_cert, self.root_key)
        return self.write("client", _pem(cert), _key_pem(private), cert, private)

    def write(self, stem, cert_pem, key_pem, cert=None, private=None):
        """Puts both files into place, each by a rename."""
        pair = Pair(self.dir / f"{stem}.pem", self.dir / f"{stem}.key", cert, private)
        for path, data in ((pair.cert, cert_pem), (pair.key, key_pem)):
            replace(path, data)
        return pair


def replace(path, data):
    """A file swapped as careful tools do it: written beside, then renamed."""
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(data)
    beside.rename(path)
