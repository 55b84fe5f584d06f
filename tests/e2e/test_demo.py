# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""The demo, as `make run` starts it: a site, a proxied application, a page that shows a browser its own connection."""

import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lib.curl import curl
from lib.ports import Ports
from lib.server import BINARY, processes_of_session
from lib.wait import PATIENCE, wait_for

DEMO = pathlib.Path(__file__).resolve().parents[2] / "demo"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_WORDS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                  "--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Demo:
    """A copy of demo/ beside a build/ of its own, so that runs do not meet."""

    def __init__(self, place):
        self.place = place
        shutil.copytree(DEMO, place / "demo")
        (place / "build").mkdir(mode=0o755)
        (place / "build" / "port443").symlink_to(BINARY)
        self.ports = Ports(2)
        self.https, self.http = self.ports.numbers
        self.out = place / "out"
        self.url = f"https://localhost:{self.https}"
        self.ca = place / "build" / "demo" / "root.pem"
        self.process = None

    def start(self):
        env = os.environ | {"HTTPS_PORT": str(self.https), "HTTP_PORT": str(self.http)}
        with open(self.out, "w", encoding="utf-8") as out:
            self.process = subprocess.Popen([self.place / "demo" / "run"], cwd=self.place, env=env, stdout=out,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        wait_for(lambda: "Ctrl-C" in self.words() or self.process.poll() is not None, "the demo", 60, self.words)
        assert self.process.poll() is None, self.words()
        return self

    def words(self):
        return self.out.read_text()

    def children(self):
        """Sessions of application and server: each is the leader of its own."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return [int(p) for p in pathlib.Path(path).read_text().split()]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        status = self.process.wait(30 * PATIENCE)
        self.ports.release()
        return status


@pytest.fixture(name="demo")
def fixture_demo(tmp_path):
    made = Demo(tmp_path).start()
    yield made
    made.stop()


def key_pin(port):
    """What Chromium calls the leaf's key: the one certificate error that it may overlook is this key's."""
    pem = ssl.get_server_certificate(("127.0.0.1", port))
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    return base64.b64encode(hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()).decode()


def test_the_printed_lines_work(demo):
    command = re.search(r"curl --cacert (\S+) (https://\S+/connection\.json)", demo.words())
    assert pathlib.Path(demo.place, command[1]) == demo.ca
    seen = curl(command[2], cafile=demo.ca).json()
    assert (seen["tls"]["version"], seen["tls"]["sni"], seen["http"]) == ("TLSv1.3", "localhost", "HTTP/2")
    assert seen["certificate"]["local_ca"] and seen["certificate"]["days_left"] > 1


def test_the_application_learns_who_asks(demo):
    received = curl(f"{demo.url}/app/", cafile=demo.ca).json()
    fields = {k.lower(): v for k, v in received["fields"].items()}
    assert fields["x-forwarded-proto"] == "https"
    assert fields["x-forwarded-for"] in ("127.0.0.1", "::1")
    assert curl(f"{demo.url}/app/echo", "--data", "back again", cafile=demo.ca).text == "back again"


def test_the_plain_port_redirects(demo):
    with urllib.request.urlopen(f"{demo.url}/app/plain", context=ssl.create_default_context(cafile=demo.ca)) as r:
        told = json.load(r)
    assert (told["status"], told["location"]) == (308, f"{demo.url}/?from=http")


def test_the_page_in_a_browser(demo):
    if not CHROMIUM:
        pytest.skip("no chromium on this machine")
    words = [CHROMIUM, *CHROMIUM_WORDS, f"--user-data-dir={demo.place}/profile", "--virtual-time-budget=8000",
             f"--ignore-certificate-errors-spki-list={key_pin(demo.https)}", "--dump-dom", f"{demo.url}/"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=90 * PATIENCE, check=False)
    page = done.stdout
    assert '<em id="version">TLSv1.3</em>' in page, done.stderr[-2000:]
    assert re.search(r'id="chip-http">HTTP/2<', page)
    assert re.search(r'id="chip-days">\d+ days left<', page)
    assert "X-Forwarded-For" in page
    assert "308 Permanent Redirect" in page
    assert "respond: connection" in page
    assert re.search(r'id="trouble"[^>]* hidden', page), "the page reports a missing part"


def test_interrupt_stops_both(demo):
    sessions = demo.children()
    assert len(sessions) == 2
    assert demo.stop() == 0
    assert [p for s in sessions for p in processes_of_session(s)] == []
    for port in (demo.https, demo.http):
        with socket.socket() as s:
            assert s.connect_ex(("127.0.0.1", port)) != 0


def test_a_taken_port_is_named(tmp_path):
    demo = Demo(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", demo.https))
        taken.listen()
        env = os.environ | {"HTTPS_PORT": str(demo.https), "HTTP_PORT": str(demo.http)}
        done = subprocess.run([demo.place / "demo" / "run"], env=env, capture_output=True, text=True, timeout=30, check=False)
    demo.ports.release()
    assert done.returncode == 2
    assert f"port {demo.https} is taken" in done.stderr
