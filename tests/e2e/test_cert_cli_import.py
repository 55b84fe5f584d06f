# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Certificates and accounts of certbot and Caddy move into the store, and files out of it, without asking any CA."""

import base64
import grp
import json
import os
import shutil
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lib.certs import Certs

DIRECTORY = "https://acme-v02.api.letsencrypt.org/directory"


def number(value, size=None):
    raw = value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwk(key):
    p = key.private_numbers()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {"kty": "EC", "crv": "P-256", "x": number(p.public_numbers.x, 32), "y": number(p.public_numbers.y, 32),
                "d": number(p.private_value, 32)}
    return {"kty": "RSA", "n": number(p.public_numbers.n), "e": number(p.public_numbers.e), "d": number(p.d), "p": number(p.p),
            "q": number(p.q), "dp": number(p.dmp1), "dq": number(p.dmq1), "qi": number(p.iqmp)}


def certbot_certificate(root, name, pair, server=DIRECTORY):
    """As certbot lays it out: live/NAME are links into archive/NAME."""
    for folder in ("archive", "live"):
        (root / folder / name).mkdir(parents=True)
    for word, source in (("fullchain", pair.cert), ("privkey", pair.key)):
        shutil.copy(source, root / "archive" / name / f"{word}1.pem")
        (root / "live" / name / f"{word}.pem").symlink_to(f"../../archive/{name}/{word}1.pem")
    (root / "renewal").mkdir(exist_ok=True)
    (root / "renewal" / f"{name}.conf").write_text(f"version = 2.1.0\n[renewalparams]\naccount = 0123\nserver = {server}\n")


def certbot_account(root, key, ca="acme-v02.api.letsencrypt.org/directory"):
    place = root / "accounts" / ca / "0123456789abcdef"
    place.mkdir(parents=True)
    (place / "private_key.json").write_text(json.dumps(jwk(key)))
    (place / "regr.json").write_text(json.dumps({"body": {}, "uri": "https://acme-v02.api.letsencrypt.org/acme/acct/1"}))


def umask():
    before = os.umask(0o022)
    os.umask(before)
    return before & 0o022


def chain_of(path):
    end = b"-----END CERTIFICATE-----\n"
    return [x509.load_pem_x509_certificate(part + end) for part in path.read_bytes().split(end)[:-1]]


@pytest.fixture
def certs(tmp_path):
    return Certs(tmp_path / "pki")


@pytest.fixture
def cert(program, tmp_path):
    """The certificate words on a state directory of their own."""
    return lambda *words: program("cert", *words, "--state", tmp_path / "state")


def listed(cert):
    done = cert("list", "--json")
    assert done.returncode == 0, done.stderr
    return {(row["name"], row["key"]): row for row in json.loads(done.stdout)}


def test_certbot(certs, cert, tmp_path):
    root = tmp_path / "letsencrypt"
    good = certs.leaf("www.example.org", "example.org", stem="good")
    certbot_certificate(root, "www.example.org", good)
    certbot_certificate(root, "rsa.example.org", certs.leaf("rsa.example.org", key="rsa", stem="rsa"))
    certbot_certificate(root, "star.example.org-0001", certs.leaf("*.star.example.org", stem="star"))
    certbot_certificate(root, "old.example.org", certs.leaf("old.example.org", days=-1, stem="old"))
    certbot_certificate(root, "try.example.org", certs.leaf("try.example.org", stem="try"),
                        "https://acme-staging-v02.api.letsencrypt.org/directory")
    certbot_certificate(root, "torn.example.org", certs.leaf("torn.example.org", stem="torn"))
    (root / "archive/torn.example.org/privkey1.pem").write_text("")
    (root / "live/README").write_text("not a certificate")
    done = cert("import", "--from", root)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "3 taken, 2 left, 1 failed"
    assert any("old.example.org" in line and "expired" in line for line in lines)
    assert any("try.example.org" in line and "staging" in line for line in lines)
    assert "torn.example.org" in done.stderr and "old.example.org" not in done.stderr
    rows = listed(cert)
    assert set(rows) == {("www.example.org", "ecdsa"), ("rsa.example.org", "rsa"), ("*.star.example.org", "ecdsa")}
    row = rows["www.example.org", "ecdsa"]
    assert row["kind"] == "acme" and row["directory"] == DIRECTORY and row["names"] == ["www.example.org", "example.org"]
    assert row["serial"] == f"{good.x509.serial_number:x}".rjust(len(row["serial"]), "0")
    assert row["not_before"] < row["renewal"] < row["not_after"] and row["renewal_reason"]
    again = cert("import", "--from", root)
    assert again.stdout.splitlines()[-1] == "0 taken, 5 left, 1 failed"
    assert "the store has it already" in again.stdout
    for folder, _, files in os.walk(tmp_path / "state" / "certs"):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        assert all(stat.S_IMODE(os.lstat(os.path.join(folder, f)).st_mode) == 0o600
                   for f in files if not os.path.islink(os.path.join(folder, f)))


@pytest.mark.parametrize("make", [lambda: ec.generate_private_key(ec.SECP256R1()), lambda: rsa.generate_private_key(65537, 2048)],
                         ids=["ec", "rsa"])
def test_certbot_account(make, cert, tmp_path):
    root, key = tmp_path / "letsencrypt", make()
    (root / "live").mkdir(parents=True)
    certbot_account(root, key)
    done = cert("import", "--from", root)
    assert done.returncode == 0 and "1 taken" in done.stdout, done.stdout + done.stderr
    shown = json.loads(cert("account", "show", "--json").stdout)
    assert [(a["directory"], a["url"]) for a in shown] == [(DIRECTORY, "https://acme-v02.api.letsencrypt.org/acme/acct/1")]
    stored = next((tmp_path / "state/accounts").glob("*/account.key"))
    assert serialization.load_pem_private_key(stored.read_bytes(), None).private_numbers() == key.private_numbers()
    assert "1 left" in cert("import", "--from", root).stdout


@pytest.mark.parametrize("spoil", ["d", "x"])
def test_damaged_account_key(spoil, cert, tmp_path):
    root = tmp_path / "letsencrypt"
    (root / "live").mkdir(parents=True)
    certbot_account(root, ec.generate_private_key(ec.SECP256R1()))
    path = next(root.glob("accounts/**/private_key.json"))
    members = json.loads(path.read_text())
    members[spoil] = number(5, 32)
    path.write_text(json.dumps(members))
    done = cert("import", "--from", root)
    assert done.returncode == 1 and "the members are no key" in done.stderr or "do not belong together" in done.stderr
    assert not (tmp_path / "state/accounts").exists()


def test_caddy(certs, cert, tmp_path):
    root = tmp_path / "caddy"

    def put(issuer, folder, pair, meta):
        place = root / "certificates" / issuer / folder
        place.mkdir(parents=True)
        shutil.copy(pair.cert, place / f"{folder}.crt")
        shutil.copy(pair.key, place / f"{folder}.key")
        (place / f"{folder}.json").write_text(meta)
    issuer = "acme-v02.api.letsencrypt.org-directory"
    put(issuer, "www.example.org", certs.leaf("www.example.org", stem="w"),
        json.dumps({"sans": ["www.example.org"], "issuer_data": {"url": "https://x", "ca": DIRECTORY}}))
    put(issuer, "wildcard_.example.org", certs.leaf("*.example.org", stem="s"), "{ torn")
    put("local", "localhost", certs.leaf("localhost", stem="l"), "{}")
    users = root / "acme" / issuer / "users" / "me@example.org"
    users.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    (users / "me.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                                     serialization.NoEncryption()))
    (users / "me.json").write_text(json.dumps({"location": "https://acme/acct/7", "contact": ["mailto:me@example.org"]}))
    dry = cert("import", "--from", root, "--dry-run")
    assert dry.returncode == 0 and "would take" in dry.stdout and not (tmp_path / "state").exists()
    done = cert("import", "--from", root)
    assert done.returncode == 0 and "3 taken, 1 left, 0 failed" in done.stdout, done.stdout + done.stderr
    rows = listed(cert)
    assert {r["directory"] for r in rows.values()} == {DIRECTORY}
    assert set(rows) == {("www.example.org", "ecdsa"), ("*.example.org", "ecdsa")}
    shown = json.loads(cert("account", "--json").stdout)
    assert shown[0]["url"] == "https://acme/acct/7" and "me@example.org" in shown[0]["contact"]


def test_newer_one_stays(certs, cert, tmp_path):
    for name, days in (("first", 60), ("second", 20)):
        certbot_certificate(tmp_path / name, "www.example.org", certs.leaf("www.example.org", days=days, stem=name))
    assert "1 taken" in cert("import", "--from", tmp_path / "first").stdout
    assert "ends later" in cert("import", "--from", tmp_path / "second").stdout
    assert listed(cert)["www.example.org", "ecdsa"]["days_left"] in (59, 60)


def test_nothing_to_import(cert, tmp_path):
    done = cert("import", "--from", tmp_path)
    assert done.returncode == 2 and "import DIR" in done.stderr and "certbot" in done.stderr


def test_export(certs, cert, tmp_path):
    pair = certs.leaf("www.example.org", through_intermediate=True, stem="w")
    certbot_certificate(tmp_path / "le", "www.example.org", pair)
    assert cert("import", "--from", tmp_path / "le").returncode == 0
    to = tmp_path / "out" / "tls"
    done = cert("export", "www.example.org", "--to", to)
    assert done.returncode == 0, done.stderr
    full, rest = (chain_of(to / name) for name in ("fullchain.pem", "chain.pem"))
    assert full[0] == pair.x509 and full[1:] == rest and len(rest) == 1
    key = serialization.load_pem_private_key((to / "key.pem").read_bytes(), None)
    assert key.private_numbers() == pair.private_key.private_numbers()
    assert stat.S_IMODE((to / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((to / "fullchain.pem").stat().st_mode) == 0o644
    assert stat.S_IMODE(to.stat().st_mode) == 0o777 & ~umask(), "others must be able to enter"
    assert sorted(p.name for p in to.iterdir()) == ["chain.pem", "fullchain.pem", "key.pem"]
    group = grp.getgrgid(os.getgid()).gr_name
    assert cert("export", "www.example.org", "--to", to, "--group", group).returncode == 0
    found = (to / "key.pem").stat()
    assert stat.S_IMODE(found.st_mode) == 0o640 and found.st_gid == os.getgid()
    done = cert("export", "www.example.org", "--to", to, "--group", "no-such-group")
    assert done.returncode == 2 and "no-such-group" in done.stderr
    done = cert("export", "other.example.org", "--to", to)
    assert done.returncode == 2 and "other.example.org" in done.stderr and "cert list" in done.stderr
    done = cert("export", "www.example.org", "--to", to, "--rsa")
    assert done.returncode == 2 and "RSA" in done.stderr
