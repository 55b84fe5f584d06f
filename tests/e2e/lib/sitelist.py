# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""The matrix, a table: sites, and what `port443 check` finds there beside what it says about any site of that server."""

from .sites import FIELDS, NAME, Site

# Of a site without faults behind each server.
USUAL = {
    "nginx": {"group-no-pq"},
    "gnutls": {"group-no-pq", "header-csp-missing", "header-framing", "header-nosniff", "header-referrer", "hsts-missing",
               "sigalg-sha1", "suite-no-server-order", "tls-no-alpn-h2", "tls-renegotiation-client"},
    "scripted": {"group-no-pq", "suite-cbc", "tls-no-alpn-h2", "vuln-lucky13"},
    "port443": {"group-no-pq"},
}

OLD = "ssl_prefer_server_ciphers on;"
ALL = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
CBC = "suite-cbc vuln-lucky13"
STATIC = "suite-static-rsa suite-no-forward-secrecy"
NO13 = dict(versions="TLSv1.2", less="group-no-pq")
BARE = "hsts-missing header-csp-missing header-framing header-nosniff header-referrer"
NO_FIELDS = {name: None for name in FIELDS}
HTML = "<!doctype html><title>x</title>"


def cookie(text, more):
    return dict(cookies=[text], more=more)


def hsts(text, more):
    return dict(fields={"Strict-Transport-Security": text}, more=more)


def field(name, text, more):
    return dict(fields={name: text}, more=more)


def page(body, more):
    return dict(body=HTML + body, more=more)


SITES = [
    # ---- versions ----
    Site("good"),
    Site("tls12-only", **NO13, more="tls-no-tls13"),
    Site("tls13-only", versions="TLSv1.3", more="tls-no-tls12"),
    Site("tls11-and-later", versions="TLSv1.1 TLSv1.2 TLSv1.3", suites="ECDHE+AESGCM:ECDHE+AES:@SECLEVEL=0", more=f"tls-tls11 sigalg-sha1 {CBC}"),
    Site("tls10-and-later", versions="TLSv1 TLSv1.1 TLSv1.2 TLSv1.3", suites="ECDHE+AESGCM:ECDHE+AES:@SECLEVEL=0",
         more=f"tls-tls10 tls-tls11 vuln-beast sigalg-sha1 {CBC}"),
    Site("tls10-only", less="group-no-pq", versions="TLSv1", suites="ECDHE+AES:@SECLEVEL=0", more=f"tls-tls10 tls-only-old vuln-beast http-redirect-broken tls-alert suite-no-aead {CBC}"),
    Site("tls11-only", less="group-no-pq", versions="TLSv1.1", suites="ECDHE+AES:@SECLEVEL=0", more=f"tls-tls11 tls-only-old http-redirect-broken tls-alert suite-no-aead {CBC}"),
    Site("tls10-and-12", less="group-no-pq", versions="TLSv1 TLSv1.2", suites="ECDHE+AESGCM:ECDHE+AES:@SECLEVEL=0",
         more=f"tls-tls10 tls-no-tls13 vuln-beast sigalg-sha1 {CBC}"),
    # ---- suites ----
    Site("cbc-too", suites="ECDHE+AESGCM:ECDHE+AES", more=CBC),
    Site("cbc-only", **NO13, suites="ECDHE+AES:!AESGCM:!AESCCM", more=f"tls-no-tls13 suite-no-aead {CBC}"),
    Site("static-rsa-too", certs="rsa", suites="ECDHE+AESGCM:AES128-GCM-SHA256", more="suite-static-rsa"),
    Site("static-rsa-only", certs="rsa", **NO13, suites="AES128-GCM-SHA256:AES256-GCM-SHA384", more=f"tls-no-tls13 {STATIC}"),
    Site("client-order", tls="", more="suite-no-server-order"),
    Site("camellia", certs="rsa", suites="ECDHE+AESGCM:ECDHE+CAMELLIA", more=f"suite-obsolete {CBC}"),
    Site("aria", certs="rsa", suites="ECDHE+AESGCM:ECDHE+ARIAGCM", more="suite-obsolete"),
    Site("ccm", suites="ECDHE+AESGCM:ECDHE+AESCCM"),
    Site("anonymous-too", certs="rsa", suites="ECDHE+AESGCM:AECDH+AES:@SECLEVEL=0", more=f"suite-anonymous sigalg-sha1 {CBC}"),
    Site("null-too", certs="rsa", suites="ECDHE+AESGCM:ECDHE+eNULL:eNULL+kRSA:@SECLEVEL=0", more="suite-null suite-static-rsa sigalg-sha1"),
    Site("everything", certs="rsa ec", suites=ALL, dh=1024, versions="TLSv1 TLSv1.1 TLSv1.2 TLSv1.3",
         more=f"suite-null suite-anonymous group-dh-1024 sigalg-sha1 suite-obsolete suite-static-rsa tls-tls10 tls-tls11 vuln-beast {CBC}"),
    # ---- Diffie-Hellman and curves ----
    Site("dh-2048", certs="rsa", suites="DHE+AESGCM:ECDHE+AESGCM", dh=2048),
    Site("dh-1024", certs="rsa", suites="DHE+AESGCM:ECDHE+AESGCM:@SECLEVEL=0", dh=1024, more="group-dh-1024 sigalg-sha1"),
    Site("dh-512", server="gnutls", certs="rsa", suites="NORMAL:-VERS-TLS1.0:-VERS-TLS1.1:+DHE-RSA", dh=512, more=f"group-dh-weak vuln-logjam suite-static-rsa {CBC}"),
    Site("curves-p256-only", tls=OLD + "ssl_ecdh_curve prime256v1;"),
    Site("curves-p521-x448", tls=OLD + "ssl_ecdh_curve secp521r1:X448;"),
    Site("curve-192", certs="rsa", **NO13, suites="ECDHE+AESGCM:@SECLEVEL=0", tls=OLD + "ssl_ecdh_curve prime192v1:prime256v1;",
         more="tls-no-tls13 group-weak-curve sigalg-sha1"),
    # ---- keys ----
    Site("rsa", certs="rsa"),
    Site("rsa-1024", certs="rsa1024", suites="ECDHE+AESGCM:@SECLEVEL=0", more="cert-key-1024 sigalg-sha1"),
    Site("rsa-4096", certs="rsa4096"),
    Site("p384", certs="p384"),
    Site("p521", certs="p521"),
    Site("ed25519", certs="ed25519"),
    Site("two-keys", certs="ec rsa"),
    # ---- chains and dates ----
    Site("expired", certs="expired", more="cert-expired"),
    Site("future", certs="future", more="cert-not-yet-valid"),
    Site("soon", certs="soon", more="cert-expires-soon"),
    Site("last-day", certs="last-day", more="cert-expires-critical"),
    Site("expired-then", certs="expired", args=["--now", "{days-ago:60}"]),
    Site("long-lived", certs="long"),
    Site("other-name", certs="other-name", more="cert-name-mismatch"),
    Site("wildcard", certs="wildcard", more="cert-wildcard"),
    Site("wildcard-deep", certs="wildcard-deep", more="cert-name-mismatch"),
    Site("self-signed", certs="self-signed", more="cert-self-signed"),
    Site("unknown-ca", certs="unknown-ca", more="cert-untrusted cert-chain-root"),
    Site("no-trust", trust=False, more="cert-untrusted"),
    Site("incomplete", certs="incomplete", more="cert-chain-incomplete"),
    Site("reversed", certs="reversed", more="cert-chain-order cert-chain-root"),
    Site("extra", certs="extra", more="cert-chain-extra"),
    Site("with-root", certs="with-root", more="cert-chain-root"),
    Site("common-name-only", certs="common-name-only", more="cert-common-name-only"),
    Site("client-only", certs="client-only", more="cert-eku"),
    Site("sha1", certs="sha1", suites="ECDHE+AESGCM:@SECLEVEL=0", more="cert-sig-sha1 sigalg-sha1"),
    Site("is-ca", certs="is-ca", more="cert-is-ca cert-not-strict"),
    Site("must-staple", certs="must-staple", more="cert-must-staple"),
    # ---- sessions, ALPN, client certificates ----
    Site("no-h2", h2=False, more="tls-no-alpn-h2"),
    Site("no-resumption", tls=OLD + "ssl_session_tickets off;", more="tls-no-resumption"),
    Site("early-data", tls=OLD + "ssl_early_data on;", more="tls-early-data"),
    Site("client-cert-wanted", tls=OLD + "ssl_verify_client on; ssl_client_certificate {certs}/root.pem;", more=f"tls-client-cert-required http-status {BARE}"),
    Site("refuses-handshakes", tls=OLD + "ssl_reject_handshake on;", more="tls-alert http-redirect-broken", less="group-no-pq"),
    # ---- HTTP ----
    Site("status-500", page="return 500;", more=f"http-status {BARE}"),
    Site("status-404", page="return 404;", more=f"http-status {BARE}"),
    Site("redirect-down", page="return 302 http://$host:{plain}/x;", plain="return 200 ok;", more=f"http-redirect-away-from-https http-port80-serves {BARE}"),
    Site("redirect-loop", page="return 302 /again;", more="http-redirect-loop hsts-missing"),
    Site("redirect-nowhere", page="return 302 gopher://x/;", more=f"http-redirect-broken {BARE}"),
    Site("hangs-up", page="return 444;", more="http-failed http-redirect-broken"),
    Site("port80-serves", plain="return 200 ok;", more="http-port80-serves"),
    Site("port80-late", plain='if ($uri = "/") { return 302 http://$host:$server_port/x; } return 301 https://$host/;', more="http-port80-late-redirect"),
    Site("port80-other-host", plain="return 301 https://shop.site.example/;", more="http-port80-other-host http-redirect-broken"),
    Site("port80-closed", plain="", more="http-port80-closed"),
    Site("api-plain", path="/api/x", plain="return 200 ok;", more="http-port80-serves http-api-plain"),
    Site("api-redirect", path="/api/x", more="http-api-redirect"),
    Site("api-refused", path="/api/x", plain="return 403;"),
    # ---- HSTS ----
    Site("hsts-none", **hsts(None, "hsts-missing")),
    Site("hsts-short", **hsts("max-age=86400", "hsts-short")),
    Site("hsts-off", **hsts("max-age=0", "hsts-off")),
    Site("hsts-invalid", **hsts("maxage=31536000", "hsts-invalid")),
    Site("hsts-preload", **hsts("max-age=63072000; includeSubDomains; preload", "")),
    Site("hsts-preload-short", **hsts("max-age=16000000; preload", "hsts-preload-not-ready")),
    # ---- cookies ----
    Site("cookie-good", **cookie("__Host-session=1; Secure; HttpOnly; SameSite=Lax; Path=/", "")),
    Site("cookie-plain", **cookie("theme=dark; SameSite=Lax", "cookie-not-secure")),
    Site("cookie-session", **cookie("sessionid=1; SameSite=Lax", "cookie-session-not-secure cookie-not-http-only")),
    Site("cookie-script", **cookie("sessionid=1; Secure; SameSite=Lax", "cookie-not-http-only")),
    Site("cookie-none", **cookie("theme=dark; Secure", "cookie-same-site")),
    Site("cookie-prefix", **cookie("__Host-id=1; Secure; HttpOnly; SameSite=Lax; Path=/; Domain=www.site.example", "cookie-prefix")),
    # ---- fields and pages ----
    Site("no-fields", fields=NO_FIELDS, more=BARE),
    Site("csp-unsafe", **field("Content-Security-Policy", "script-src 'unsafe-inline'; frame-ancestors 'none'", "header-csp-unsafe")),
    Site("csp-twice", **field("Content-Security-Policy", "default-src 'self'; default-src 'none'; frame-ancestors 'none'", "header-csp-invalid")),
    Site("framing", **field("Content-Security-Policy", "default-src 'self'", "header-framing")),
    Site("xfo", fields={"Content-Security-Policy": "default-src 'self'", "X-Frame-Options": "DENY"}),
    Site("cors-open", fields={"Access-Control-Allow-Origin": "$http_origin", "Access-Control-Allow-Credentials": "true"},
         more="header-cors-open"),
    Site("mixed-script", **page('<script src="http://cdn.example/a.js"></script>', "page-mixed-active page-no-sri")),
    Site("mixed-image", **page('<img src="http://cdn.example/a.png">', "page-mixed-passive")),
    Site("form-plain", **page('<form action="http://site.example/login"></form>', "page-form-http")),
    Site("no-sri", **page('<script src="https://cdn.example/a.js"></script>', "page-no-sri")),
    # ---- close ----
    Site("close-notify", server="scripted", close="notify"),
    Site("close-fin", server="scripted", close="fin", more="close-no-notify"),
    Site("close-reset", server="scripted", close="reset", more="close-reset"),
    Site("close-silent", server="scripted", close="silent", more="close-silent"),
    # ---- no TLS ----
    Site("speaks-ssh", server="scripted", close="says SSH-2.0-OpenSSH_9.2", more="tls-not-tls http-redirect-broken", less="group-no-pq suite-cbc tls-no-alpn-h2 vuln-lucky13"),
    Site("speaks-http", server="scripted", close="says HTTP/1.1 400 Bad Request", more="tls-not-tls http-redirect-broken", less="group-no-pq suite-cbc tls-no-alpn-h2 vuln-lucky13"),
    # ---- GnuTLS ----
    Site("gnutls", server="gnutls", suites="NORMAL:-VERS-TLS1.0:-VERS-TLS1.1", more=CBC),
    Site("gnutls-old", server="gnutls", suites="NORMAL", more=f"tls-tls10 tls-tls11 vuln-beast {CBC}"),
    Site("gnutls-legacy", server="gnutls", certs="rsa", suites="LEGACY:+ARCFOUR-128:+3DES-CBC:+SHA1",
         more=f"suite-3des suite-rc4 suite-static-rsa tls-tls10 tls-tls11 vuln-beast vuln-sweet32 {CBC}"),
    Site("gnutls-anonymous", server="gnutls", certs="rsa", suites="NORMAL:+ANON-ECDH:+ANON-DH:-VERS-TLS1.0:-VERS-TLS1.1",
         more=f"suite-anonymous suite-static-rsa {CBC}"),
    Site("gnutls-no-ems", server="gnutls", suites="NORMAL:-VERS-TLS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH", less="group-no-pq",
         more=f"tls-no-ems tls-no-tls13 {CBC}"),
    Site("gnutls-no-renegotiation", server="gnutls", suites="NORMAL:-VERS-TLS-ALL:+VERS-TLS1.2:%DISABLE_SAFE_RENEGOTIATION",
         less="group-no-pq", more=f"tls-renegotiation-insecure tls-no-tls13 {CBC}"),
    Site("gnutls-client-cert", server="gnutls", suites="NORMAL:-VERS-TLS-ALL:+VERS-TLS1.2", tls="--require-client-cert",
         more=f"tls-client-cert-required tls-no-tls13 http-redirect-broken {CBC}",
         less="group-no-pq header-csp-missing header-framing header-nosniff header-referrer hsts-missing tls-renegotiation-client"),
    # ---- port443 ----
    Site("port443", server="port443"),
]
