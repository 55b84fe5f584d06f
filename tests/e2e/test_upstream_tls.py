# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""https:// upstreams: verified against a given CA or the system's, SNI sent, and why not when not."""

import socket
import ssl

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def proxied(url, **tls):
    words = ", ".join(f"{k}: {v}" for k, v in tls.items())
    return f'sites: {{localhost: {{proxy: {{to: "{url}", tls: {{{words}}}}}}}}}'


def refused(s, reason, status=502):
    """The route answers with the status; the reason is in the access log and in an event."""
    answer = s.tls().get("/why", fields=[("Accept", "application/json")])
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json" and answer.json()["status"] == status
    row = s.access.wait(target="/why")
    assert reason in row["reason"], row
    assert reason in s.events.wait("upstream_failed")["reason"]
    assert reason not in answer.text  # the log's, not the visitor's
    return row


def test_verified_by_the_given_root_with_sni(server, upstream, certs):
    app = upstream(pair=certs.leaf("localhost"))
    names = []
    app.context.sni_callback = lambda sock, name, context: names.append(name)
    s = server(proxied(f"https://localhost:{app.port}", ca=certs.root))
    for i in range(3):
        assert s.tls().get(f"/{i}").json()["target"] == f"/{i}"
    assert names == ["localhost"] and app.connections == 1


def test_server_name(server, upstream, certs):
    app = upstream(pair=certs.leaf("inside.test", through_intermediate=True))
    names = []
    app.context.sni_callback = lambda sock, name, context: names.append(name)
    s = server(proxied(app.url, ca=certs.root, server_name="inside.test"))
    assert s.tls().get("/").status == 200
    assert names == ["inside.test"]


def test_address_in_the_certificate_and_no_sni_for_it(server, upstream, certs):
    app = upstream(pair=certs.leaf("127.0.0.1"))
    names = []
    app.context.sni_callback = lambda sock, name, context: names.append(name)
    s = server(proxied(app.url, ca=certs.root))
    assert s.tls().get("/").status == 200
    assert names == [None]  # RFC 6066 3: no literal addresses


def test_wrong_name(server, upstream, certs):
    app = upstream(pair=certs.leaf("other.test"))
    refused(server(proxied(f"https://localhost:{app.port}", ca=certs.root)), "does not speak for localhost")
    assert app.requests == []


def test_unknown_root(server, upstream, certs):
    app = upstream(pair=certs.leaf("localhost"))
    refused(server(f'sites: {{localhost: {{proxy: "https://localhost:{app.port}"}}}}'), "certificate")
    assert app.requests == []


def test_expired(server, upstream, certs):
    app = upstream(pair=certs.leaf("localhost", days=-2))
    refused(server(proxied(f"https://localhost:{app.port}", ca=certs.root)), "expired")
    assert app.requests == []


def test_insecure_skip_verify(server, upstream, certs):
    app = upstream(pair=certs.leaf("other.test", days=-2))
    s = server(proxied(f"https://localhost:{app.port}", insecure_skip_verify="true"))
    assert s.tls().get("/").status == 200


def test_client_certificate(server, upstream, certs):
    app = upstream(pair=certs.leaf("localhost"))
    app.context.verify_mode = ssl.CERT_REQUIRED
    app.context.load_verify_locations(cafile=str(certs.root))
    key = ec.generate_private_key(ec.SECP256R1())
    own = certs._sign("client", key, certs.root_cert, certs.root_key)  # pylint: disable=protected-access
    words = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    mine = certs.write("client", own.public_bytes(serialization.Encoding.PEM), key.private_bytes(*words))
    s = server(proxied(f"https://localhost:{app.port}", ca=certs.root, cert=mine.cert, key=mine.key))
    assert s.tls().get("/").status == 200


def test_client_certificate_that_is_not_liked(server, upstream, certs):
    """On TLS 1.3 the alert comes behind the handshake, in place of the answer."""
    app = upstream(pair=certs.leaf("localhost"))
    app.context.verify_mode = ssl.CERT_REQUIRED
    app.context.load_verify_locations(cafile=str(certs.root))
    refused(server(proxied(f"https://localhost:{app.port}", ca=certs.root)), "alert")
    assert app.requests == []


def test_plain_http_behind_https(server, upstream):
    app = upstream(lambda call: call.send("HTTP/1.1 400 Bad\r\n\r\n"))
    refused(server(proxied(f"https://localhost:{app.port}", insecure_skip_verify="true")), "does not speak TLS")


def test_bytes_before_the_handshake_are_never_the_answer(server, upstream, certs):
    """nginx CVE-2026-1642: plaintext written before the handshake must not become the answer."""
    pair = certs.leaf("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)

    def script(call):
        call.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        try:
            context.wrap_socket(call.sock, server_side=True)
        except (OSError, ssl.SSLError):
            pass
    app = upstream(script)
    s = server(proxied(f"https://localhost:{app.port}", ca=certs.root))
    answer = s.tls().get("/")
    assert answer.status == 502 and b"evil" not in answer.body


def test_silent_handshake_is_a_timeout(server, upstream):
    app = upstream(lambda call: call.sock.recv(1 << 20) and call.reader.rest())
    s = server(f"""
sites: {{localhost: {{proxy: {{to: "https://localhost:{app.port}", connect_timeout: 200ms}}}}}}""")
    refused(s, "handshake", 504)


def test_large_answer_over_tls(server, upstream, certs):
    body = bytes(range(256)) * 8192

    def script(call):
        while head := call.read_head():
            call.answer(call.read_body(head[2]) or body)
    app = upstream(script, pair=certs.leaf("localhost"))
    s = server(proxied(f"https://localhost:{app.port}", ca=certs.root))
    assert s.tls().get("/").body == body
    assert s.h2().get("/", method="POST", body=body).body == body
    assert app.connections == 1


def test_restarted_tls_upstream_is_reached_again(server, upstream, certs):
    """The end of an idle connection takes it out of the pool."""
    app = upstream(pair=certs.leaf("localhost"))
    s = server(proxied(f"https://localhost:{app.port}", ca=certs.root))
    assert s.tls().get("/").status == 200
    app.calls[0].sock.shutdown(socket.SHUT_RDWR)
    assert s.tls().get("/").status == 200
    assert app.connections == 2 and s.events.find("upstream_failed") == []
