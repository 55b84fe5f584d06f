# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Debian's nginx as the upstream: a peer that nobody here wrote."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess

import pytest
from lib.ports import Ports
from lib.wait import wait_for

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
BIG = 20 << 20

CONFIG = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log; {user}
events {{ worker_connections 256; }}
http {{
  access_log {dir}/access.log;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s; client_max_body_size 64m;
  keepalive_timeout 60s; types {{ text/html html; }} default_type application/octet-stream;
  gzip on; gzip_proxied any; gzip_types text/plain; gzip_min_length 1;
  server {{
    listen 127.0.0.1:{plain}; listen unix:{dir}/nginx.sock;
    listen 127.0.0.1:{tls} ssl; ssl_certificate {cert}; ssl_certificate_key {key};
    root {dir}/www;
    location /connection {{ default_type text/plain; gzip off; return 200 "$connection $connection_requests"; }}
    location /seen {{ default_type text/plain; gzip off;
      return 200 "$request_uri|$http_host|$http_x_forwarded_for|$http_x_forwarded_proto|$ssl_server_name"; }}
    location /moved {{ return 302 /elsewhere; }}
    location /small {{ client_max_body_size 1k; proxy_pass http://127.0.0.1:{plain}/connection; }}
    location /upload {{ proxy_pass http://127.0.0.1:{plain}/connection; proxy_request_buffering on; }}
    location /once {{ keepalive_timeout 0; default_type text/plain; return 200 "once"; }}
  }}
}}
"""


class Nginx:
    def __init__(self, place, pair):
        self.dir = place / "nginx"
        (self.dir / "www").mkdir(parents=True)
        place.chmod(0o755)
        self.dir.chmod(0o777)
        self.ports = Ports(2)
        self.plain, self.tls = self.ports.numbers
        self.blob = os.urandom(BIG)
        (self.dir / "www" / "blob").write_bytes(self.blob)
        (self.dir / "www" / "index.html").write_text("nginx here\n" * 100)
        conf = self.dir / "nginx.conf"
        conf.write_text(CONFIG.format(dir=self.dir, plain=self.plain, tls=self.tls, cert=pair.cert, key=pair.key,
                                      user="user root;" if os.getuid() == 0 else ""))
        self.process = subprocess.Popen([NGINX, "-p", str(self.dir), "-c", str(conf)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._listens, "nginx to listen", 10, lambda: (self.dir / "error.log").read_text())
        (self.dir / "nginx.sock").chmod(0o777)

    def _listens(self):
        assert self.process.poll() is None, (self.dir / "error.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.tls), 1).close()
            return True
        except OSError:
            return False

    def log(self):
        return (self.dir / "access.log").read_text()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        self.ports.release()


@pytest.fixture(name="nginx")
def fixture_nginx(tmp_path, certs):
    if not NGINX:
        pytest.skip("no nginx here: packaging/install-packages test")
    made = Nginx(tmp_path, certs.leaf("localhost"))
    yield made
    made.stop()


def urls(nginx, certs):
    return {
        "plain": f'"http://127.0.0.1:{nginx.plain}"',
        "tls": f'{{to: "https://localhost:{nginx.tls}", tls: {{ca: {certs.root}}}}}',
        "unix": f'"unix:{nginx.dir}/nginx.sock"',
    }


@pytest.mark.parametrize("kind", ["plain", "tls", "unix"])
def test_nginx(server, nginx, certs, kind):
    s = server(f"sites: {{localhost: {{proxy: {urls(nginx, certs)[kind]}}}}}")
    link, client = s.tls(), s.h2()
    assert link.get("/").text == client.get("/").text == "nginx here\n" * 100
    answer = link.get("/", fields=[("Accept-Encoding", "gzip")])
    assert answer.headers["content-encoding"] == "gzip" and answer.headers["transfer-encoding"] == "chunked"
    told = link.get("/seen/a%2Fb?c=d").text.split("|")
    assert told[:4] == ["/seen/a%2Fb?c=d", "localhost", "127.0.0.1", "https"]
    assert told[4] == ("localhost" if kind == "tls" else "")
    etag = link.get("/").headers["etag"]
    assert link.get("/", fields=[("If-None-Match", etag)]).status == 304
    part = client.get("/blob", fields=[("range", "bytes=100-199")])
    assert (part.status, part.body) == (206, nginx.blob[100:200])
    assert link.get("/moved").headers["location"].endswith("/elsewhere")
    assert link.get("/none").status == 404
    assert link.get("/", method="HEAD").headers["server"].startswith("nginx")
    first, count = link.get("/connection").text.split()
    for i in range(5):
        assert (link if i % 2 else client).get("/connection").text == f"{first} {int(count) + 1 + i}"


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_nginx_bulk(server, nginx, certs, kind):
    s = server(f"sites: {{localhost: {{proxy: {urls(nginx, certs)[kind]}}}}}")
    for protocol in ("--http1.1", "--http2"):
        answer = s.curl("/blob", protocol)
        assert answer.exit == 0 and hashlib.sha256(answer.body).digest() == hashlib.sha256(nginx.blob).digest()
        answer = s.curl("/upload", protocol, "-T", str(nginx.dir / "www" / "blob"))
        assert (answer.exit, answer.status) == (0, 200), answer.stderr
    assert s.tls().get("/small", method="POST", body=b"x" * 100000).status == 413
    assert s.h2().get("/small", method="POST", body=b"x" * 2000).status == 413


def test_nginx_that_closes_and_restarts(server, nginx, certs):
    s = server(f"sites: {{localhost: {{proxy: {urls(nginx, certs)['plain']}}}}}")
    link = s.tls()
    for _ in range(5):
        assert link.get("/once").text == "once"
    assert link.get("/connection").status == 200
    nginx.process.send_signal(signal.SIGHUP)  # new workers; the old one ends its idle connections
    for _ in range(50):
        assert link.get("/connection", method="GET").status == 200
    assert s.events.find("upstream_failed") == []
