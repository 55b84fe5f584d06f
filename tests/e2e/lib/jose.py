# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""JWS as an ACME server reads it (RFC 7515, RFC 8555 6.2), on python3-cryptography."""

import base64
import hashlib
import hmac
import json
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

ALPHABET = re.compile(r"^[A-Za-z0-9_-]*$")


class Bad(Exception):
    """What is wrong with a JWS: .type is an ACME error."""

    def __init__(self, kind, detail):
        super().__init__(detail)
        self.type, self.detail = kind, detail


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    if not isinstance(text, str) or not ALPHABET.match(text):
        raise Bad("malformed", f"not base64url without padding: {text!r}")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text):
    return int.from_bytes(unb64(text), "big")


def thumbprint(jwk):
    """RFC 7638"""
    members = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}[jwk["kty"]]
    text = json.dumps({m: jwk[m] for m in members}, sort_keys=True, separators=(",", ":"))
    return b64(hashlib.sha256(text.encode()).digest())


def public_key(jwk):
    if not isinstance(jwk, dict) or "d" in jwk:
        raise Bad("badPublicKey", "the jwk is no public key")
    if jwk.get("kty") == "EC" and jwk.get("crv") == "P-256":
        x, y = unb64(jwk["x"]), unb64(jwk["y"])
        if (len(x), len(y)) != (32, 32):
            raise Bad("badPublicKey", "coordinates of P-256 have 32 bytes each")
        return ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()).public_key()
    if jwk.get("kty") == "RSA":
        return rsa.RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"])).public_key()
    raise Bad("badPublicKey", f"kty {jwk.get('kty')} crv {jwk.get('crv')}")


def verify(key, algorithm, signed, signature):
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm == "ES256":
            if len(signature) != 64:
                raise Bad("malformed", "a signature of ES256 has 64 bytes")
            r, s = (int.from_bytes(signature[i:i + 32], "big") for i in (0, 32))
            return key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
        if isinstance(key, rsa.RSAPublicKey) and algorithm == "RS256":
            return key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise Bad("malformed", "the signature does not verify") from None
    raise Bad("badSignatureAlgorithm", f"{algorithm} with {type(key).__name__}")


class Jws:
    """A flattened JWS, not verified yet. .payload: what JSON says; None for an empty one (POST-as-GET)."""

    def __init__(self, body):
        try:
            given = json.loads(body)
            if set(given) != {"protected", "payload", "signature"}:
                raise Bad("malformed", f"members {sorted(given)} instead of the flattened form's")
            self.protected = json.loads(unb64(given["protected"]))
            self.signed = f"{given['protected']}.{given['payload']}".encode()
            self.signature = unb64(given["signature"])
            raw = unb64(given["payload"])
            self.payload = json.loads(raw) if raw else None
        except (ValueError, TypeError, AttributeError) as e:
            raise Bad("malformed", f"no JWS: {e}") from None

    def check(self, jwk):
        verify(public_key(jwk), self.protected.get("alg"), self.signed, self.signature)

    def check_mac(self, key):
        """HS256, as external account bindings are signed."""
        good = hmac.new(key, self.signed, "sha256").digest()
        if self.protected.get("alg") != "HS256" or not hmac.compare_digest(good, self.signature):
            raise Bad("unauthorized", "the external account binding does not verify")
