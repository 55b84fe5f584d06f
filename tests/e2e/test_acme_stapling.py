# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""OCSP answers, for certificates that still name a responder: stapled when there is a good one, never waited for."""

import datetime
import http.server
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from lib.acme import config, issued
from lib.castore import Signer
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "stapled.example.com"


class Responder:
    """Answers for the CA's intermediate. status None: an error of HTTP."""

    def __init__(self, ca):
        self.ca, self.status, self.asked = ca, ocsp.OCSPCertStatus.GOOD, 0
        self.signer, self.hours = ca.signer, 6
        responder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                responder.asked += 1
                answer = responder.answer(body) if responder.status else b""
                self.send_response(200 if answer else 503)
                self.send_header("Content-Type", "application/ocsp-response")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, der):
        question = ocsp.load_der_ocsp_request(der)
        cert = x509.load_der_x509_certificate(self.ca.signer.leaves[question.serial_number])
        now = datetime.datetime.utcnow().replace(microsecond=0)
        revoked = self.status == ocsp.OCSPCertStatus.REVOKED
        issuer = self.ca.signer.intermediates[0]
        built = ocsp.OCSPResponseBuilder().add_response(
            cert, issuer, hashes.SHA1(), self.status, now - datetime.timedelta(hours=9), now + datetime.timedelta(hours=self.hours),
            now if revoked else None, x509.ReasonFlags.key_compromise if revoked else None)
        who = self.signer.intermediates[0]
        built = built.responder_id(ocsp.OCSPResponderEncoding.HASH, who).sign(self.signer.key, hashes.SHA256())
        return built.public_bytes(serialization.Encoding.DER)


@pytest.fixture(name="ca")
def fixture_ca():
    ca = running_fake()
    yield ca
    stop_fake(ca)


@pytest.fixture(name="responder")
def fixture_responder(ca):
    made = Responder(ca)
    ca.signer.ocsp_url = made.url
    yield made
    made.http.shutdown()


def status_of(s):
    done = subprocess.run(["openssl", "s_client", "-status", "-connect", f"127.0.0.1:{s.https_port}", "-servername", NAME],
                          input=b"", capture_output=True, timeout=20, check=False)
    return done.stdout.decode("latin-1")


def test_stapled(server, ca, responder, tmp_path):
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    issued(s, NAME, ca.root)
    text = wait_for(lambda: "Cert Status: good" in (out := status_of(s)) and out, "a staple", 20, s.events.text)
    assert "OCSP Response Status: successful" in text
    assert responder.asked == 1


def test_responder_that_is_down(server, ca, responder, tmp_path):
    """The certificate is served all the same, without."""
    responder.status = None
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    issued(s, NAME, ca.root)
    wait_for(lambda: "ocsp_failed" in s.events.text(), "the failure to be told", 20, s.events.text)
    assert "OCSP response: no response sent" in status_of(s)


@pytest.mark.parametrize("spoil, words", [("key", "not signed by the issuer"), ("hours", "not valid now")])
def test_bad_answers_are_not_stapled(server, ca, responder, tmp_path, spoil, words):
    if spoil == "key":
        responder.signer = Signer()
    else:
        responder.hours = -1
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    issued(s, NAME, ca.root)
    wait_for(lambda: words in s.events.text(), "the bad answer to be told", 20, s.events.text)
    assert "OCSP response: no response sent" in status_of(s)


def test_revoked_is_not_stapled(server, ca, responder, tmp_path):
    responder.status = ocsp.OCSPCertStatus.REVOKED
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    issued(s, NAME, ca.root)
    wait_for(lambda: "revoked" in s.events.text(), "the answer to be told", 20, s.events.text)
    assert "OCSP response: no response sent" in status_of(s)


def test_no_responder_is_asked(server, ca, tmp_path):
    """What public CAs issue today."""
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports)
    issued(s, NAME, ca.root)
    assert "OCSP response: no response sent" in status_of(s)
    assert "ocsp" not in s.events.text()
