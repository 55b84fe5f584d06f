# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""The certificates of the sites that `port443 check` is tried on: good ones and those that go wrong in practice."""

import collections
import datetime
import functools
import pathlib
import subprocess
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
NAME = "www.site.example"

# key: kind of key; names: of subjectAltName; chain: what is sent after the leaf; the rest as it says.
Kind = collections.namedtuple("Kind", "key names since until chain eku digest ca san must_staple signed_by",
                              defaults=["ec", (NAME,), -10, 80, "intermediate", "server", "sha256", False, True, False,
                                        "intermediate"])

KINDS = {
    "ec": Kind(),
    "rsa": Kind(key="rsa2048"),
    "rsa1024": Kind(key="rsa1024"),
    "rsa4096": Kind(key="rsa4096"),
    "p384": Kind(key="p384"),
    "p521": Kind(key="p521"),
    "ed25519": Kind(key="ed25519"),
    "expired": Kind(since=-90, until=-1),
    "future": Kind(since=2, until=80),
    "soon": Kind(since=-80, until=12),
    "last-day": Kind(since=-88, until=1),
    "long": Kind(since=-10, until=500),
    "other-name": Kind(names=("other.example",)),
    "wildcard": Kind(names=("*.site.example",)),
    "wildcard-deep": Kind(names=("*.www.site.example",)),
    "self-signed": Kind(chain="", signed_by="itself"),
    "unknown-ca": Kind(chain="stranger", signed_by="stranger"),
    "incomplete": Kind(chain=""),
    "reversed": Kind(chain="root intermediate"),
    "extra": Kind(chain="intermediate stranger"),
    "with-root": Kind(chain="intermediate root"),
    "common-name-only": Kind(san=False),
    "client-only": Kind(eku="client"),
    "sha1": Kind(key="rsa2048", digest="sha1"),
    "is-ca": Kind(ca=True),
    "must-staple": Kind(must_staple=True),
}

Pair = collections.namedtuple("Pair", "cert key")


@functools.lru_cache(maxsize=None)
def _key(kind, number=0):
    del number  # another one of the same kind
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({"ec": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}[kind]())


def _subject(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM)


class SiteCerts:
    """.root (PEM path), pair(kind): files of a kind, made when first asked for."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(exist_ok=True, mode=0o755)
        self.now = datetime.datetime.utcnow().replace(microsecond=0)
        self.made = {}
        self.authorities = {}
        self._authority("root", None, "ec")
        self._authority("intermediate", "root", "ec")
        self._authority("rsa-intermediate", "root", "rsa2048")
        self._authority("stranger", None, "ec")
        self.root = self.dir / "root.pem"
        self.root.write_bytes(_pem(self.authorities["root"][0]))

    def _authority(self, name, issuer, kind):
        key = _key(kind, name)
        by, by_key = self.authorities[issuer] if issuer else (None, key)
        build = self._build(f"matrix {name}", by.subject if by else _subject(f"matrix {name}"), key, -400, 1500)
        build = self._identified(build, key, by_key).add_extension(x509.BasicConstraints(True, None), True)
        build = build.add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
        self.authorities[name] = (build.sign(by_key, hashes.SHA256()), key)

    def _build(self, subject, issuer, key, since, until):
        return (x509.CertificateBuilder().subject_name(_subject(subject)).issuer_name(issuer).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(self.now + since * DAY)
                .not_valid_after(self.now + until * DAY))

    @staticmethod
    def _identified(build, key, by_key):
        return (build.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()), False))

    def _leaf(self, kind, key, by):
        issuer, by_key = self.authorities[by] if by else (None, key)
        build = self._build(kind.names[0], issuer.subject if issuer else _subject(kind.names[0]), key, kind.since, kind.until)
        build = self._identified(build, key, by_key).add_extension(x509.BasicConstraints(kind.ca, None), True)
        if kind.san:
            build = build.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in kind.names]), False)
        purpose = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}[kind.eku]
        build = build.add_extension(x509.ExtendedKeyUsage([purpose]), False)
        if kind.must_staple:
            build = build.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), False)
        digest = None if isinstance(by_key, ed25519.Ed25519PrivateKey) else {"sha1": hashes.SHA1, "sha256": hashes.SHA256}[kind.digest]()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SHA-1 is what the site is there for
            return build.sign(by_key, digest)

    def pair(self, name):
        if name not in self.made:
            kind = KINDS[name]
            key = _key(kind.key)
            by = None if kind.signed_by == "itself" else kind.signed_by
            by = "rsa-intermediate" if by == "intermediate" and kind.digest == "sha1" else by
            chain = [self.authorities["rsa-intermediate" if n == "intermediate" and by == "rsa-intermediate" else n][0]
                     for n in kind.chain.split()]
            self.made[name] = self._write(name, [self._leaf(kind, key, by), *chain], key)
        return self.made[name]

    def _write(self, name, certs, key):
        pair = Pair(self.dir / f"{name}.pem", self.dir / f"{name}.key")
        pair.cert.write_bytes(b"".join(_pem(c) for c in certs))
        pair.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        return pair

    def dh(self, bits):
        """A file of Diffie-Hellman parameters that nobody else has."""
        path = self.dir / f"dh{bits}.pem"
        if not path.exists():
            fast = [] if bits < 1024 else ["-dsaparam"]  # X9.42, which GnuTLS does not read
            subprocess.run(["openssl", "dhparam", *fast, "-out", str(path), str(bits)], check=True, capture_output=True,
                           timeout=120)
        return path
