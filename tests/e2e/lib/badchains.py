# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Good and bad certificate chains, each made at one fixed time, with what `port443 check` has to say about it.

As a program it writes into a directory (badchains.py DIRECTORY, or badchains.py --run PROGRAM, whose argument it becomes) NAME.pem
(what a server sends, leaf first), NAME.key, root.pem (what is trusted) and cases.txt: NAME HOST, then a verdict (good, strict or bad) and the ids of the findings."""

import collections
import datetime
import ipaddress
import pathlib
import subprocess
import sys
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

# The tests live at this time: 2026-06-15 12:00:00 UTC.
NOW = datetime.datetime(2026, 6, 15, 12, 0, 0)
NOW_S = int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp())
DAY = datetime.timedelta(days=1)
HOST = "site.example.test"

# verdict: "good" (strict clients take it), "strict" (only lenient ones do) or "bad", the name left out of it;
# findings: all ids that are expected; certs: as sent; crl: DER of the list that the leaf's issuer signed.
Case = collections.namedtuple("Case", "name host certs key verdict findings crl", defaults=(None,))


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def ec_key():
    return ec.generate_private_key(ec.SECP256R1())


def _usage(ca):
    return x509.KeyUsage(digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
                         key_agreement=False, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False)


class Authority:
    """A CA certificate and its key; `issuer` None: a root."""

    def __init__(self, name, issuer=None, key=None, **changes):
        self.key = key or ec_key()
        self.name = _name(name)
        self.cert = build(name, self.key, issuer or self, ca=True, since=NOW - 1000 * DAY, until=NOW + 3000 * DAY, **changes)


def build(subject, key, issuer, names=(), ca=False, since=None, until=None, usages=(ExtendedKeyUsageOID.SERVER_AUTH,), skip=(),
          extra=(), path_length=None, digest=None, basic=True, serial=None):
    """One certificate. `skip`: kinds of extensions to leave out; `extra`: (extension, critical) to add."""
    since, until = since or NOW - 10 * DAY, until or NOW + 80 * DAY - datetime.timedelta(seconds=1)
    wanted = [(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
              (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False), (_usage(ca), True)]
    if basic:
        wanted.append((x509.BasicConstraints(ca, path_length), True))
    if names:
        wanted.append((x509.SubjectAlternativeName([_alternative(n) for n in names]), False))
    if not ca and usages:
        wanted.append((x509.ExtendedKeyUsage(list(usages)), False))
    b = (x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(issuer.name).public_key(key.public_key())
         .serial_number(serial or x509.random_serial_number()).not_valid_before(since).not_valid_after(until))
    for extension, critical in [w for w in wanted if type(w[0]) not in skip] + list(extra):
        b = b.add_extension(extension, critical)
    return b.sign(issuer.key, digest or hashes.SHA256())


def pem(*certs):
    """What is bytes already is PEM of a certificate that the library refuses to make."""
    return b"".join(c if isinstance(c, bytes) else c.public_bytes(serialization.Encoding.PEM) for c in certs)


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


# ---- certificates that no careful library makes: DER put together by hand ----

def _tlv(tag, content):
    n = len(content)
    size = bytes([n]) if n < 128 else bytes([0x80 + len(n.to_bytes((n.bit_length() + 7) // 8, "big"))]) + n.to_bytes(
        (n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + size + content


def _parts(der):
    """The elements of a constructed value's content."""
    out, at = [], 0
    while at < len(der):
        n, head = der[at + 1], 2
        if n & 0x80:
            head = 2 + (n & 0x7F)
            n = int.from_bytes(der[at + 2:at + head], "big")
        out.append(der[at:at + head + n])
        at += head + n
    return out


def _content(element):
    return element[2 + (element[1] & 0x7F if element[1] & 0x80 else 0):]


def remake(cert, change, signer, digest=None, algorithm=None):
    """The certificate with change(list of the elements of its TBSCertificate) applied, signed again; as PEM."""
    outer = _parts(_content(cert.public_bytes(serialization.Encoding.DER)))
    elements = _parts(_content(outer[0]))
    change(elements)
    algorithm = algorithm or outer[1]
    elements[1 + (elements[0][0] == 0xA0)] = algorithm
    tbs = _tlv(0x30, b"".join(elements))
    digest = digest or hashes.SHA256()
    if isinstance(signer, rsa.RSAPrivateKey):
        from cryptography.hazmat.primitives.asymmetric import padding
        signature = signer.sign(tbs, padding.PKCS1v15(), digest)
    else:
        signature = signer.sign(tbs, ec.ECDSA(digest))
    der = _tlv(0x30, tbs + algorithm + _tlv(0x03, b"\0" + signature))
    import base64
    text = base64.encodebytes(der).replace(b"\n", b"")
    lines = b"\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    return b"-----BEGIN CERTIFICATE-----\n" + lines + b"\n-----END CERTIFICATE-----\n"


def version_1(cert, signer):
    def change(elements):
        assert elements[0][0] == 0xA0 and elements[-1][0] == 0xA3
        del elements[0], elements[-1]
    return remake(cert, change, signer)


def doubled(cert, signer, which=-1):
    def change(elements):
        extensions = _parts(_content(_content(elements[-1])))
        elements[-1] = _tlv(0xA3, _tlv(0x30, b"".join(extensions + [extensions[which]])))
    return remake(cert, change, signer)


def garbled(cert, signer):
    """Its subjectAltName is no sequence."""
    def change(elements):
        extensions = _parts(_content(_content(elements[-1])))
        san = [e for e in extensions if b"\x06\x03\x55\x1d\x11" in e][0]
        broken = _tlv(0x30, b"\x06\x03\x55\x1d\x11" + _tlv(0x04, b"\x30\x7fno"))
        elements[-1] = _tlv(0xA3, _tlv(0x30, b"".join(broken if e == san else e for e in extensions)))
    return remake(cert, change, signer)


def old_digest(cert, signer, digest, oid):
    """Signed with RSA and a digest that the library no longer signs certificates with."""
    return remake(cert, lambda elements: None, signer, digest, _tlv(0x30, _tlv(0x06, oid) + b"\x05\x00"))


SHA1_RSA = bytes.fromhex("2a864886f70d010105")
MD5_RSA = bytes.fromhex("2a864886f70d010104")


def points(url):
    """Where the list of revoked certificates is."""
    return x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)])


def crl(issuer, *revoked, days=7, age_days=1, key=None):
    b = (x509.CertificateRevocationListBuilder().issuer_name(issuer.name).last_update(NOW - age_days * DAY)
         .next_update(NOW + days * DAY))
    for cert in revoked:
        b = b.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(cert.serial_number).revocation_date(NOW - DAY)
                                      .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), False).build())
    b = b.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False)
    b = b.add_extension(x509.CRLNumber(1), False)
    return b.sign(key or issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


class Chains:
    """All cases; .root is what is trusted."""

    def __init__(self):
        self.root = Authority("badchains root")
        self.middle = Authority("badchains intermediate", self.root, path_length=0)
        self.key = ec_key()
        self.cases = []
        self._times()
        self._names()
        self._arrangement()
        self._authorities()
        self._purposes()
        self._strength()
        self._contents()
        self._revocation()

    def leaf(self, *names, issuer=None, subject=None, key=None, **changes):
        names = names or (HOST,)
        return build(subject or names[0], key or self.key, issuer or self.middle, names=names, **changes)

    def add(self, name, certs, verdict, *findings, host=HOST, key=None, crl=None):
        self.cases.append(Case(name, host, certs, key or self.key, verdict, set(findings), crl))

    def _times(self):
        second = datetime.timedelta(seconds=1)
        self.add("good", [self.leaf(), self.middle.cert], "good")
        self.add("expired", [self.leaf(since=NOW - 91 * DAY, until=NOW - DAY), self.middle.cert], "bad", "cert-expired")
        self.add("expired-a-second-ago", [self.leaf(until=NOW - second), self.middle.cert], "bad", "cert-expired")
        self.add("future", [self.leaf(since=NOW + DAY, until=NOW + 90 * DAY), self.middle.cert], "bad", "cert-not-yet-valid")
        self.add("ends-soon", [self.leaf(since=NOW - 70 * DAY, until=NOW + 20 * DAY), self.middle.cert], "good", "cert-expires-soon")
        self.add("ends-at-once", [self.leaf(since=NOW - 85 * DAY, until=NOW + 5 * DAY), self.middle.cert], "good",
                 "cert-expires-critical")
        self.add("six-days-fresh", [self.leaf(since=NOW - DAY, until=NOW + 5 * DAY), self.middle.cert], "good")
        # One day more than the rules of its day for public authorities; this one is not public.
        self.add("lives-long", [self.leaf(since=NOW - 10 * DAY, until=NOW + 191 * DAY), self.middle.cert], "good")
        old = Authority("badchains old intermediate", self.root)
        old.cert = build("badchains old intermediate", old.key, self.root, ca=True, since=NOW - 900 * DAY, until=NOW - DAY)
        self.add("expired-intermediate", [self.leaf(issuer=old), old.cert], "bad", "cert-expired")
        brief = Authority("badchains brief intermediate", self.root)
        brief.cert = build("badchains brief intermediate", brief.key, self.root, ca=True, since=NOW - 900 * DAY, until=NOW + 40 * DAY)
        self.add("intermediate-ends-first", [self.leaf(issuer=brief), brief.cert], "good", "cert-intermediate-expires")

    def _names(self):
        mismatch = "cert-name-mismatch"
        for name, san, host, found in (
                ("wrong-name", "other.example.test", HOST, mismatch),
                ("wildcard", "*.example.test", HOST, "cert-wildcard"),
                ("wildcard-two-labels", "*.example.test", "a.site.example.test", mismatch),
                ("wildcard-apex", "*.example.test", "example.test", mismatch),
                ("wildcard-partial", "si*.example.test", HOST, mismatch),
                ("wildcard-inner", "site.*.test", HOST, mismatch),
                ("wildcard-tld", "*.test", "example.test", mismatch),
                ("upper-case", "SITE.Example.TEST", HOST, None),
                ("address", "192.0.2.7", "192.0.2.7", None),
                ("address6", "2001:db8::7", "2001:db8::7", None),
                ("wrong-address", "192.0.2.7", "192.0.2.8", mismatch)):
            self.add(name, [self.leaf(san), self.middle.cert], "good", *[found] if found else [], host=host)
        address = x509.SubjectAlternativeName([x509.DNSName("192.0.2.7")])
        self.add("address-as-name", [self.leaf(skip=(x509.SubjectAlternativeName,), extra=[(address, False)]), self.middle.cert], "good",
                 mismatch, host="192.0.2.7")
        no_san = dict(skip=(x509.SubjectAlternativeName,))
        self.add("cn-only", [self.leaf(**no_san), self.middle.cert], "good", "cert-common-name-only")
        self.add("cn-only-other", [self.leaf(subject="other.example.test", **no_san), self.middle.cert], "good", mismatch)
        self.add("cn-beside-san", [self.leaf("other.example.test", subject=HOST), self.middle.cert], "good", mismatch)

    def _arrangement(self):
        leaf, middle, root = self.leaf(), self.middle.cert, self.root.cert
        other = Authority("badchains stranger", self.root)
        self.add("missing-intermediate", [leaf], "bad", "cert-chain-incomplete")
        self.add("reversed", [leaf, root, middle], "good", "cert-chain-order", "cert-chain-root")
        self.add("extra", [leaf, middle, other.cert], "good", "cert-chain-extra")
        self.add("extra-between", [leaf, other.cert, middle], "good", "cert-chain-extra")
        self.add("twice", [leaf, middle, middle], "good", "cert-chain-extra")
        self.add("root-sent", [leaf, middle, root], "good", "cert-chain-root")
        authority = self.root
        certs = []
        for i in range(4):
            authority = Authority(f"badchains level {i}", authority)
            certs.insert(0, authority.cert)
        self.add("long", [self.leaf(issuer=authority)] + certs, "good", "cert-chain-long")
        certs[2], certs[1] = certs[1], certs[2]
        self.add("long-shuffled", [self.leaf(issuer=authority)] + certs, "good", "cert-chain-long", "cert-chain-order")

    def _authorities(self):
        alone = Authority("badchains unknown root")
        own = self.key
        class Itself:
            key, name = own, _name(HOST)
        self.add("self-signed", [build(HOST, own, Itself, names=[HOST])], "bad", "cert-self-signed")
        self.add("self-signed-ca", [build(HOST, own, Itself, names=[HOST], ca=True)], "bad", "cert-self-signed", "cert-is-ca")
        self.add("unknown-root", [self.leaf(issuer=alone)], "bad", "cert-untrusted")
        self.add("unknown-root-sent", [self.leaf(issuer=alone), alone.cert], "bad", "cert-untrusted", "cert-chain-root")
        beneath = Authority("badchains unknown intermediate", alone)
        self.add("unknown-root-above", [self.leaf(issuer=beneath), beneath.cert], "bad", "cert-untrusted")
        impostor = Authority("badchains root")
        self.add("impostor", [self.leaf(issuer=impostor)], "bad", "cert-untrusted")
        url = x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS,
                                               x509.UniformResourceIdentifier("http://ca.example.test/i.crt"))])
        plain = Authority("badchains second", self.root)
        self.add("missing-with-address", [self.leaf(issuer=plain, extra=[(url, False)])], "bad", "cert-chain-incomplete")
        self.add("missing-without-hint", [self.leaf(issuer=plain)], "bad", "cert-chain-incomplete", "cert-untrusted")
        no_ca = Authority("badchains no CA", self.root)
        no_ca.cert = build("badchains no CA", no_ca.key, self.root)
        self.add("issuer-is-no-ca", [self.leaf(issuer=no_ca), no_ca.cert], "bad", "cert-untrusted")
        forged = self.leaf()
        forger = Authority("badchains intermediate", self.root)
        forged = build(HOST, self.key, forger, names=[HOST], skip=(x509.AuthorityKeyIdentifier,),
                       extra=[(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.middle.key.public_key()), False)])
        self.add("bad-signature", [forged, self.middle.cert], "bad", "cert-untrusted", "cert-chain-extra")

    def _purposes(self):
        middle = self.middle.cert
        client = (ExtendedKeyUsageOID.CLIENT_AUTH,)
        self.add("eku-client", [self.leaf(usages=client), middle], "bad", "cert-eku")
        self.add("eku-any-only", [self.leaf(usages=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)), middle], "bad", "cert-eku")
        self.add("eku-none", [self.leaf(usages=()), middle], "good")
        narrow = Authority("badchains mail intermediate", self.root,
                           extra=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)])
        self.add("eku-of-intermediate", [self.leaf(issuer=narrow), narrow.cert], "bad", "cert-eku")
        ca_leaf = build(HOST, self.key, self.root, names=[HOST], ca=True, until=NOW + 80 * DAY)
        self.add("is-ca", [ca_leaf], "good", "cert-is-ca")
        short = Authority("badchains path 0", self.root, path_length=0)
        under = Authority("badchains one too many", short)
        self.add("path-length", [self.leaf(issuer=under), under.cert, short.cert], "bad", "cert-path-length")
        for name, constraints, found in (
                ("permitted", x509.NameConstraints([x509.DNSName("example.test")], None), None),
                ("not-permitted", x509.NameConstraints([x509.DNSName("other.test")], None), "cert-name-constraints"),
                ("excluded", x509.NameConstraints(None, [x509.DNSName("example.test")]), "cert-name-constraints")):
            limited = Authority(f"badchains {name}", self.root, extra=[(constraints, True)])
            self.add(f"names-{name}", [self.leaf(issuer=limited), limited.cert], "bad" if found else "good", *[found] if found else [])

    def _strength(self):
        middle = self.middle.cert
        weak = rsa.generate_private_key(65537, 1024)
        self.add("rsa-1024", [self.leaf(key=weak), middle], "good", "cert-key-1024", key=weak)
        strong = Authority("badchains RSA intermediate", self.root, key=rsa.generate_private_key(65537, 2048))
        leaf = self.leaf(issuer=strong)
        self.add("rsa-issuer", [leaf, strong.cert], "good")
        self.add("sha1", [old_digest(leaf, strong.key, hashes.SHA1(), SHA1_RSA), strong.cert], "bad", "cert-sig-sha1")
        self.add("md5", [old_digest(leaf, strong.key, hashes.MD5(), MD5_RSA), strong.cert], "bad", "cert-sig-md5")
        curve = ec.generate_private_key(ec.SECP192R1())
        self.add("curve-192", [self.leaf(key=curve), middle], "good", "cert-key-weak", key=curve)
        thin = Authority("badchains thin intermediate", self.root, key=weak)
        self.add("rsa-1024-intermediate", [self.leaf(issuer=thin), thin.cert], "good", "cert-key-1024")

    def _contents(self):
        middle = self.middle
        self.add("version-1", [version_1(self.leaf(), middle.key), middle.cert], "good", "cert-version-1", "cert-common-name-only")
        self.add("doubled-san", [doubled(self.leaf(usages=()), middle.key), middle.cert], "bad", "cert-malformed", "cert-name-mismatch")
        odd = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00"), False)
        self.add("doubled-unknown", [doubled(self.leaf(extra=[odd]), middle.key), middle.cert], "good", "cert-malformed")
        self.add("garbled-san", [garbled(self.leaf(), middle.key), middle.cert], "bad", "cert-malformed", "cert-name-mismatch")
        critical = (odd[0], True)
        self.add("unknown-critical", [self.leaf(extra=[critical]), middle.cert], "bad", "cert-malformed")
        self.add("no-aki", [self.leaf(skip=(x509.AuthorityKeyIdentifier,)), middle.cert], "strict", "cert-not-strict")
        lax = Authority("badchains lax intermediate", self.root, skip=(x509.KeyUsage,))
        self.add("ca-without-key-usage", [self.leaf(issuer=lax), lax.cert], "strict", "cert-not-strict")

    def _revocation(self):
        leaf = self.leaf(extra=[(points("http://ca.example.test/c.crl"), False)])
        certs = [leaf, self.middle.cert]
        forger = Authority("badchains intermediate", self.root)
        self.add("revocation-none", certs, "good")
        self.add("revocation-fine", certs, "good", crl=crl(self.middle, self.leaf()))
        self.add("revocation-revoked", certs, "bad", "cert-revoked", crl=crl(self.middle, leaf))
        self.add("revocation-old-list", certs, "good", crl=crl(self.middle, days=-1, age_days=9))
        self.add("revocation-forged-list", certs, "good", crl=crl(self.middle, leaf, key=forger.key))
        self.add("revocation-revoked-old-list", certs, "bad", "cert-revoked", crl=crl(self.middle, leaf, days=-1, age_days=9))
        self.add("revocation-no-list", certs, "good", crl=b"<html>not found</html>")

    def write(self, directory):
        directory = pathlib.Path(directory)
        directory.mkdir(exist_ok=True, parents=True)
        (directory / "root.pem").write_bytes(pem(self.root.cert))
        lines = []
        for c in self.cases:
            (directory / f"{c.name}.pem").write_bytes(pem(*c.certs))
            (directory / f"{c.name}.key").write_bytes(key_pem(c.key))
            if c.crl:
                (directory / f"{c.name}.crl").write_bytes(c.crl)
            lines.append(" ".join([c.name, c.host, c.verdict, *sorted(c.findings)]))
        (directory / "cases.txt").write_text("".join(line + "\n" for line in lines))
        return self


def main(words):
    if words[0] != "--run":
        Chains().write(words[0])
        return 0
    with tempfile.TemporaryDirectory(prefix="port443-chains-") as directory:
        Chains().write(directory)
        return subprocess.run(words[1:] + [directory], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
