# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Sites to check: one nginx with a port for each, gnutls-serv, port443 itself, and a server that ends connections as told.

A Site says how it is served and what `port443 check` must find there: exactly `finds`.
"""

import os
import pathlib
import socket
import ssl
import struct
import subprocess
import threading

from .peer import Peer, need
from .ports import Ports
from .server import Server
from .sitecerts import DAY, NAME, SiteCerts
from .wait import PATIENCE, wait_for

NGINX_HEAD = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log; {user}
events {{ worker_connections 1000; }}
http {{
  access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s; default_type text/html; lingering_close off;
  ssl_session_cache none; ssl_session_tickets on;
"""

NGINX_TLS = """
  server {{
    listen 127.0.0.1:{port} ssl{http2}; server_name {name};
    {certificates}
    ssl_protocols {versions}; ssl_ciphers {suites};
    {directives}
    {location}
  }}
"""

NGINX_PLAIN = """
  server {{ listen 127.0.0.1:{port}; server_name {name}; {plain} }}
"""

# What a page with everything in place says.
FIELDS = {
    "Strict-Transport-Security": "max-age=31536000",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
REDIRECT = f"return 301 https://{NAME}$request_uri;"
SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"


def words(text):
    return set(text.split())


class Site:
    """One row of the matrix. more, less: ids beside or missing from those of a good site behind the same server."""

    def __init__(self, key, more="", less="", **how):
        self.key, self.more, self.less = key, words(more), words(less)
        self.server = how.pop("server", "nginx")
        self.certs = how.pop("certs", "ec").split()
        self.versions = how.pop("versions", "TLSv1.2 TLSv1.3")
        self.suites = how.pop("suites", SUITES)
        self.h2 = how.pop("h2", True)
        self.tls = how.pop("tls", "ssl_prefer_server_ciphers on;")
        self.fields = FIELDS | how.pop("fields", {})
        self.cookies = how.pop("cookies", [])
        self.body = how.pop("body", "<!doctype html><title>hello</title><p>hello</p>")
        self.page = how.pop("page", "")  # instead of a page with `fields`, `cookies` and `body`
        self.plain = how.pop("plain", REDIRECT)
        self.args = how.pop("args", [])
        self.path = how.pop("path", "/")
        self.close = how.pop("close", "")
        self.status = how.pop("status", None)
        self.grade = how.pop("grade", None)
        self.dh = how.pop("dh", 0)
        self.trust = how.pop("trust", True)
        self.api = how.pop("api", False)
        assert not how, how

    def location(self):
        if self.page:
            return f"location / {{ {self.page} }}"  # "{plain}" in it is filled in by the Park
        lines = [f'add_header {n} "{v}" always;' for n, v in self.fields.items() if v is not None]
        lines += [f'add_header Set-Cookie "{c}";' for c in self.cookies]
        return "location / { " + " ".join(lines) + f" return 200 '{self.body}'; }}"


class Park:
    """The running servers of a list of sites. ports[key], plain_port; check(site) runs the program."""

    def __init__(self, place, sites, program):
        self.place, self.sites, self.program = pathlib.Path(place), sites, program
        self.certs = SiteCerts(self.place / "certs")
        self.reserved = Ports(len(sites) + 2)
        self.plain_port, self.closed_port, *numbers = self.reserved.numbers
        self.ports = dict(zip((s.key for s in sites), numbers))
        self.names = {s.key: NAME for s in sites}
        self.running, self.listeners, self.servers = [], [], []

    def start(self):
        kinds = {s.server for s in self.sites}
        for kind in sorted(kinds):
            getattr(self, f"_start_{kind}")([s for s in self.sites if s.server == kind])
        return self

    def stop(self):
        for peer in self.running:
            peer.stop()
        for listener in self.listeners:
            listener.close()
        for server in self.servers:
            server.stop()
        self.reserved.release()

    def _ready(self, peer, ports):
        for port in ports:
            wait_for(lambda p=port: self._listens(peer, p), f"port {port}", 20, peer.text)

    @staticmethod
    def _listens(peer, port):
        assert peer.alive(), peer.text()[-3000:]
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    # ---- nginx ----

    def _nginx_server(self, site):
        pairs = [self.certs.pair(c) for c in site.certs]
        directives = [site.tls, f"ssl_dhparam {self.certs.dh(site.dh)};" if site.dh else ""]
        return NGINX_TLS.format(
            port=self.ports[site.key], http2=" http2" if site.h2 else "", name=NAME, versions=site.versions,
            suites=f'"{site.suites}"', directives=" ".join(directives).replace("{certs}", str(self.certs.dir)),
            location=site.location().replace("{plain}", str(self.plain_ports.get(site.plain))),
            certificates=" ".join(f"ssl_certificate {p.cert}; ssl_certificate_key {p.key};" for p in pairs))

    def _start_nginx(self, sites):
        program = need("nginx")
        here = self.place / "nginx"
        here.mkdir(mode=0o755)
        text = NGINX_HEAD.format(dir=here, user="user root;" if os.getuid() == 0 else "")
        self.plain_ports = {}
        plains = sorted({s.plain for s in self.sites if s.plain})
        more = Ports(len(plains))
        self.more_ports = more
        for plain, port in zip(plains, more.numbers):
            self.plain_ports[plain] = port
            text += NGINX_PLAIN.format(port=port, name=NAME, plain=plain)
        text += "".join(self._nginx_server(s) for s in sites) + "}\n"
        (here / "nginx.conf").write_text(text)
        peer = Peer([program, "-p", here, "-c", here / "nginx.conf"], here / "output")
        peer.text = lambda: (here / "output").read_text() + ((here / "error.log").read_text() if (here / "error.log").exists() else "")
        self.running.append(peer)
        self._ready(peer, [self.ports[s.key] for s in sites])

    # ---- gnutls-serv ----

    def _start_gnutls(self, sites):
        program = need("gnutls-serv")
        for site in sites:
            pair = self.certs.pair(site.certs[0])
            flags = ["--x509certfile", pair.cert, "--x509keyfile", pair.key]
            for extra in site.certs[1:]:
                flags += ["--x509certfile", self.certs.pair(extra).cert, "--x509keyfile", self.certs.pair(extra).key]
            flags += ["--dhparams", self.certs.dh(site.dh)] if site.dh else []
            peer = Peer([program, "--http", "-q", "-p", self.ports[site.key], "--priority", site.suites, *flags,
                         *(site.tls.split() if site.tls.startswith("--") else [])], self.place / f"{site.key}.log")
            self.running.append(peer)
            self._ready(peer, [self.ports[site.key]])

    # ---- port443 ----

    def _start_port443(self, sites):
        for site in sites:
            pair = self.certs.pair(site.certs[0])
            here = self.place / site.key
            here.mkdir(mode=0o755)
            server = Server(f"sites: {{{NAME}: {{respond: ok, tls: {{cert: {pair.cert}, key: {pair.key}}}}}}}", here)
            server.start()
            self.servers.append(server)
            self.ports[site.key] = server.https_port

    # ---- a server in Python that ends as it is told ----

    def _start_scripted(self, sites):
        for site in sites:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(*self.certs.pair(site.certs[0]))
            listener = socket.create_server(("127.0.0.1", self.ports[site.key]), backlog=100)
            self.listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener, context, site), daemon=True).start()

    def _accept(self, listener, context, site):
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(link, context, site), daemon=True).start()

    @staticmethod
    def _serve(link, context, site):
        """close: fin, reset or silent after the answer; plain: says words instead of TLS."""
        link.settimeout(20 * PATIENCE)
        try:
            if site.close.startswith("says "):
                link.recv(4096)
                link.sendall(site.close[5:].encode() + b"\r\n")
                link.close()
                return
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a reset takes the answer along
            tls = context.wrap_socket(link, server_side=True, suppress_ragged_eofs=True)
            request = b""
            while b"\r\n\r\n" not in request:
                got = tls.recv(4096)
                if not got:
                    tls.close()
                    return
                request += got
            body = site.body.encode()
            fields = "".join(f"{n}: {v}\r\n" for n, v in site.fields.items() if v is not None)
            tls.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n{fields}"
                        f"Connection: close\r\n\r\n".encode() + body)
            if site.close == "notify":
                tls.unwrap()
            if site.close == "silent":
                while tls.recv(4096):
                    pass
            if site.close == "reset":
                tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            tls.close()  # of the socket: no close_notify
        except (OSError, ValueError):
            link.close()

    # ---- the program ----

    def command(self, site, *more):
        """The words after the program's name."""
        target = NAME if site.path == "/" else f"https://{NAME}{site.path}"
        plain = self.plain_ports[site.plain] if site.plain else self.closed_port
        trust = ["--ca", self.certs.root] if site.trust else []
        args = [self._filled(a) for a in site.args]
        return ["check", "--connect", f"127.0.0.1:{self.ports[site.key]}", "--http-port", plain, *trust, *args, *more, target]

    def _filled(self, word):
        """{days-ago:N} as the program reads times."""
        if not word.startswith("{days-ago:"):
            return word
        return (self.certs.now - int(word[10:-1]) * DAY).strftime("%Y-%m-%dT%H:%M:%SZ")

    def check(self, site, *more):
        return subprocess.run([self.program, *map(str, self.command(site, *more))], capture_output=True, text=True, check=False,
                              timeout=60 * PATIENCE, stdin=subprocess.DEVNULL)
