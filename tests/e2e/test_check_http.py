# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What `port443 check` says about the HTTP of a site: redirects, port 80, HSTS, cookies, fields, page, close."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading

import pytest
from lib import server as server_module
from lib.ports import Ports
from lib.wait import wait_for

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
GOOD = {"Content-Type": "text/html", "Strict-Transport-Security": "max-age=31536000",
        "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
WORDS = {200: "OK", 301: "Moved", 302: "Found", 403: "Forbidden", 404: "Not Found", 503: "Unavailable"}


def answer(status=200, body="", close=True, **fields):
    """An answer with good fields; NAME=None leaves one out, a list sends several lines. _ is - in names."""
    given = {k.replace("_", "-"): v for k, v in fields.items()}
    all_fields = {**GOOD, **given, "Content-Length": str(len(body)), "Connection": "close" if close else "keep-alive"}
    lines = [f"{k}: {x}" for k, v in all_fields.items() if v is not None for x in (v if isinstance(v, list) else [v])]
    return "\r\n".join([f"HTTP/1.1 {status} {WORDS[status]}", *lines, "", body]).encode("latin-1")


class Site:
    """A site of raw answers, one thread for each connection. `pages`, `plain`: path to bytes, or to a function of the
    request's head. `end`: how a TLS connection ends ("notify", "fin", or "open" until the client goes)."""

    def __init__(self, pair, pages=None, plain=None, end="notify"):
        self.pages, self.plain, self.end = pages or {}, plain, end
        self.seen = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pair.cert, pair.key)
        self.sockets = [self._listen(self._secure), self._listen(self._plain)]
        self.tls_port, self.plain_port = (s.getsockname()[1] for s in self.sockets)
        if plain is None:
            self._end(self.sockets.pop())

    def _listen(self, serve):
        s = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self._accept, args=(s, serve), daemon=True).start()
        return s

    def _accept(self, s, serve):
        while True:
            try:
                link = s.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._guard, args=(link, serve), daemon=True).start()

    def _guard(self, link, serve):
        with contextlib.suppress(OSError, ValueError), link:
            link.settimeout(5)
            serve(link)

    def _answer(self, link, pages):
        head = b""
        while b"\r\n\r\n" not in head:
            more = link.recv(4096)
            if not more:
                return False
            head += more
        path = head.split()[1].decode()
        self.seen.append(head)
        page = pages.get(path, answer(404))
        link.sendall(page(head) if callable(page) else page)
        return True

    def _secure(self, link):
        with contextlib.suppress(OSError):
            tls = self.context.wrap_socket(link, server_side=True, suppress_ragged_eofs=True)
            if not self._answer(tls, self.pages):
                return
            if self.end == "open":
                tls.recv(1)
            if self.end == "notify":
                tls.unwrap()
            tls.close()

    def _plain(self, link):
        self._answer(link, self.plain)

    @staticmethod
    def _end(s):
        s.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        s.close()

    def stop(self):
        for s in self.sockets:
            self._end(s)


@pytest.fixture(name="pair", scope="module")
def fixture_pair(tmp_path_factory):
    from lib.certs import Certs
    certs = Certs(tmp_path_factory.mktemp("certs"))
    pair = certs.leaf("a.test", "b.test")
    return certs.root, pair


@pytest.fixture(name="check")
def fixture_check(pair):
    """check(pages, plain, *options, path=, end=): the report of such a site."""
    root, leaf = pair
    made = []

    def run(pages, plain=None, *options, path="/", end="notify"):
        site = Site(leaf, pages, plain, end)
        made.append(site)
        # {S}, {P} in the answers: where the site is
        for table in (site.pages, site.plain or {}):
            for key, value in table.items():
                if isinstance(value, bytes):
                    table[key] = value.replace(b"{S}", f"a.test:{site.tls_port}".encode()).replace(
                        b"{P}", f"a.test:{site.plain_port}".encode())
        return look(root, site.tls_port, site.plain_port, path, *options), site

    yield run
    for site in made:
        site.stop()


def look(root, tls_port, plain_port, path, *options):
    r = server_module.run("check", "--json", "--no-attacks", "--no-why", "--ca", root, "--http-port", plain_port,
                          "--timeout", "3s", *options, "--connect", f"127.0.0.1:{tls_port}",
                          f"https://a.test:{tls_port}{path}", timeout=60)
    assert r.stdout, f"status {r.returncode}: {r.stderr}"
    return json.loads(r.stdout)


def found(report):
    """Findings about HTTP, without those that hold for every site of this file."""
    kinds = ("http-", "hsts-", "cookie-", "header-", "page-", "close-")
    return {f["id"] for f in report["findings"] if f["id"].startswith(kinds)}


REDIRECT = {"/": answer(301, Location="https://{S}/")}


def test_a_site_without_faults(check):
    report, site = check({"/": answer(body="<p>hello")}, dict(REDIRECT))
    assert found(report) == set()
    assert report["http"]["status"] == 200 and report["http"]["hsts"]["max_age"] == 31536000
    assert report["grades"]["observatory"] | {"modifiers": []} == {"grade": "A+", "score": 115, "modifiers": []}
    assert not any(b"authorization" in head.lower() for head in site.seen)
    assert sum(b"Origin: " in head for head in site.seen) == 1


@pytest.mark.parametrize("change, expected", [
    ({"Strict_Transport_Security": None}, {"hsts-missing"}),
    ({"Strict_Transport_Security": "max-age=x"}, {"hsts-invalid"}),
    ({"Strict_Transport_Security": ["max-age=31536000", "max-age=31536000"]}, {"hsts-invalid"}),
    ({"Strict_Transport_Security": "max-age=0"}, {"hsts-off"}),
    ({"Strict_Transport_Security": "max-age=86400"}, {"hsts-short"}),
    ({"Strict_Transport_Security": "max-age=86400; preload"}, {"hsts-short", "hsts-preload-not-ready"}),
    ({"Strict_Transport_Security": "max-age=31536000; preload; includeSubDomains"}, set()),
    ({"Set_Cookie": "a=1; Secure; HttpOnly; SameSite=Lax"}, set()),
    ({"Set_Cookie": "sessionid=1; SameSite=Lax"}, {"cookie-session-not-secure", "cookie-not-http-only"}),
    ({"Set_Cookie": ["a=1; SameSite=Lax", "b=2; Secure"]}, {"cookie-not-secure", "cookie-same-site"}),
    ({"Set_Cookie": "__Host-a=1; Secure; SameSite=Lax; Domain=a.test; Path=/"}, {"cookie-prefix"}),
    ({"Set_Cookie": "a=; Max-Age=0"}, set()),
    ({"Content_Security_Policy": None}, {"header-csp-missing", "header-framing"}),
    ({"Content_Security_Policy": None, "X_Frame_Options": "DENY"}, {"header-csp-missing"}),
    ({"Content_Security_Policy": "script-src 'unsafe-inline'; frame-ancestors 'none'"}, {"header-csp-unsafe"}),
    ({"Content_Security_Policy": "default-src *; default-src 'self'; frame-ancestors *"},
     {"header-csp-unsafe", "header-csp-invalid", "header-framing"}),
    ({"X_Content_Type_Options": None}, {"header-nosniff"}),
    ({"Referrer_Policy": None}, {"header-referrer"}),
    ({"Date": "Mon, 06 Nov 2000 08:49:37 GMT"}, {"http-clock"}),
    ({"Content_Type": "application/json", "Content_Security_Policy": None, "Referrer_Policy": None}, set()),
])
def test_fields(check, change, expected):
    report, _ = check({"/": answer(**change)}, dict(REDIRECT))
    assert found(report) == expected


@pytest.mark.parametrize("body, expected", [
    ('<script src="http://x.test/a.js"></script>', {"page-mixed-active", "page-no-sri"}),
    ("<img src=http://x.test/a.png>", {"page-mixed-passive"}),
    ("<form action='HTTP&#58;//x.test/'>", {"page-form-http"}),
    ("<script src=//x.test/a.js></script>", {"page-no-sri"}),
    ("<script src=//x.test/a.js integrity=sha384-x></script>", set()),
    ("<base href=http://x.test/><img src=a.png>", {"page-mixed-passive"}),
    ("<!-- <img src=http://x.test/a.png> --><script>'<img src=http://x.test/>'</script>", set()),
    ("<meta http-equiv=Content-Security-Policy content=upgrade-insecure-requests><img src=http://x.test/>", set()),
    ("<style>@import 'http://x.test/'; p { background: url(http://x.test/) }</style>",
     {"page-mixed-active", "page-mixed-passive"}),
])
def test_pages(check, body, expected):
    report, _ = check({"/": answer(body=body)}, dict(REDIRECT))
    assert found(report) == expected


@pytest.mark.parametrize("pages, plain, expected", [
    ({"/": answer(302, Location="/x"), "/x": answer()}, REDIRECT, set()),
    ({"/": answer(404)}, REDIRECT, {"http-status"}),
    ({"/": answer(302, Location="http://{P}/x")}, {**REDIRECT, "/x": answer()}, {"http-redirect-away-from-https"}),
    ({"/": answer(302, Location="/")}, REDIRECT, {"http-redirect-loop"}),
    ({"/": answer(302, Location="ftp://x")}, REDIRECT, {"http-redirect-broken"}),
    ({"/": answer()}, None, {"http-port80-closed"}),
    ({"/": answer()}, {"/": answer()}, {"http-port80-serves"}),
    ({"/": answer()}, {"/": answer(403)}, set()),
    ({"/": answer()}, {"/": answer(301, Location="/x"), "/x": answer(301, Location="https://{S}/")},
     {"http-port80-late-redirect"}),
    ({"/": answer()}, {"/": answer(301, Location="/x"), "/x": answer()}, {"http-port80-serves"}),
])
def test_redirects(check, pages, plain, expected):
    report, _ = check(dict(pages), dict(plain) if plain else None)
    assert found(report) == expected


def test_an_origin_that_nobody_owns_gets_in(check):
    def mirror(head):
        origin = [line[8:].decode() for line in head.split(b"\r\n") if line.startswith(b"Origin: ")]
        return answer(Access_Control_Allow_Origin=origin or None, Access_Control_Allow_Credentials="true")

    report, _ = check({"/": mirror}, dict(REDIRECT))
    assert found(report) == {"header-cors-open"}
    assert any("universal-access" in m for m in report["grades"]["observatory"]["modifiers"])


@pytest.mark.parametrize("path, options, reply, expected", [
    ("/api/x", (), answer(Content_Type="application/json"), {"http-api-plain", "http-port80-serves"}),
    ("/api/x", (), answer(301, Location="https://{S}/api/x"), {"http-api-redirect"}),
    ("/api/x", (), answer(403), set()),
    ("/page", (), answer(301, Location="https://{S}/page"), set()),
    ("/page", ("--api",), answer(301, Location="https://{S}/page"), {"http-api-redirect"}),
])
def test_keys_in_clear(check, path, options, reply, expected):
    report, site = check({path: answer()}, {path: reply}, *options, path=path)
    assert found(report) == expected
    asked = any(b"Authorization: Bearer" in head for head in site.seen)
    assert asked == (path == "/api/x" or "--api" in options)


@pytest.mark.parametrize("end, close, expected", [
    ("notify", True, set()), ("notify", False, set()), ("fin", True, {"close-no-notify"}),
    ("open", True, {"close-silent"}), ("open", False, {"close-silent"}),
])
def test_close(check, end, close, expected):
    report, _ = check({"/": answer(close=close)}, dict(REDIRECT), end=end)
    assert found(report) == expected


@pytest.mark.parametrize("raw", [
    b"HTTP/9.9 what\r\n\r\n", b"\x00\xff\x16\x03", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", b"",
])
def test_no_http(check, raw):
    report, _ = check({"/": raw}, dict(REDIRECT))
    assert "http-failed" in found(report)
    assert report["grades"]["observatory"]["grade"] is None


CONFIG = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log; {user}
events {{ worker_connections 128; }}
http {{
  access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s; default_type text/html; gzip on; gzip_min_length 1;
  server {{ listen 127.0.0.1:{plain}; return 301 https://$host:{tls}$request_uri; }}
  server {{
    listen 127.0.0.1:{tls} ssl; ssl_certificate {cert}; ssl_certificate_key {key};
    add_header Strict-Transport-Security "max-age=63072000; includeSubDomains; preload" always;
    location / {{ return 200 "<script src=https://x.test/a.js></script>"; }}
  }}
}}
"""


def test_nginx(pair, tmp_path):
    if not NGINX:
        pytest.skip("no nginx here: packaging/install-packages test")
    root, leaf = pair
    ports = Ports(2)
    plain, tls = ports.numbers
    conf = tmp_path / "nginx.conf"
    conf.write_text(CONFIG.format(dir=tmp_path, plain=plain, tls=tls, cert=leaf.cert, key=leaf.key,
                                  user="user root;" if os.getuid() == 0 else ""))
    nginx = subprocess.Popen([NGINX, "-p", str(tmp_path), "-c", str(conf)], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", tls), 1):
            return True
        return False

    try:
        wait_for(listens, "nginx to listen", 10, lambda: (tmp_path / "error.log").read_text())
        report = look(root, tls, plain, "/")
        assert found(report) == {"header-csp-missing", "header-framing", "header-nosniff", "header-referrer",
                                 "page-no-sri"}
        assert report["http"]["hsts"] == {"present": True, "valid": True, "max_age": 63072000,
                                          "include_subdomains": True, "preload": True}
        assert report["grades"]["observatory"]["score"] == 100 - 25 - 20 - 5 - 5
    finally:
        nginx.terminate()
        nginx.wait(10)
        ports.release()
