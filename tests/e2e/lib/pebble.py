# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Debian's Pebble as a certificate authority that validates for real, and its name server for lies about DNS.

Both listen on loopback only, on ports of the kernel's choice. Pebble connects for validation to .server_ports, which a
Server takes over (ports=ca.server_ports).
"""

import contextlib
import json
import pathlib
import shutil
import ssl
import tempfile
import urllib.error
import urllib.request

from cryptography import x509

from .certs import Certs
from .peer import Peer, need
from .ports import Ports
from .wait import wait_for

START_TRIES = 4


class Pebble:
    """validity: seconds that certificates live. eab: {kid: base64url MAC key}, which then is required. nonce_reject and
    authz_reuse: percent. blocked: domains that are refused. alternates: further roots. chain: intermediates. dns_server:
    "HOST:PORT" asked instead of its own one."""

    def __init__(self, place, validity=None, eab=None, nonce_reject=5, authz_reuse=50, blocked=(), alternates=0, chain=1,
                 dns_server=None):
        self.programs = need("pebble"), need("pebble-challtestsrv")
        self.place = pathlib.Path(place)
        self.place.mkdir(exist_ok=True, mode=0o755)
        self.validity, self.eab, self.blocked, self.alternates = validity, eab, list(blocked), alternates
        self.dns_server = dns_server
        self.env = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": str(nonce_reject),
                    "PEBBLE_AUTHZREUSE": str(authz_reuse), "PEBBLE_ALTERNATE_ROOTS": str(alternates),
                    "PEBBLE_CHAIN_LENGTH": str(chain)}
        made = Certs(self.place / "api")
        self.ca_file = made.root  # what the API's own server is verified with
        self.pair = made.leaf("localhost", "127.0.0.1")
        self.context = ssl.create_default_context(cafile=str(self.ca_file))
        self.server_ports = Ports(2)  # https, http of the server under test
        self.ports = self.ca = self.dns = None

    # ---- life ----

    def start(self):
        for attempt in range(START_TRIES):
            self.ports = Ports(4)
            self.dns_port, self.api_port, self.management_port, self.control_port = self.ports.numbers
            self._spawn_dns()
            self._spawn()
            try:
                wait_for(self._answers, "pebble to answer", 20, self._logs)
                return self
            except AssertionError:
                busy = "address already in use" in self._logs()
                self._end()
                if not busy or attempt == START_TRIES - 1:
                    raise
        return self

    def _spawn_dns(self):
        self.dns = Peer([self.programs[1], "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "", "-https01", "",
                         "-tlsalpn01", "", "-dns01", f"127.0.0.1:{self.dns_port}",
                         "-management", f"127.0.0.1:{self.control_port}"], self.place / "challtestsrv.log")

    def _spawn(self):
        https, http = self.server_ports.numbers
        settings = {"listenAddress": f"127.0.0.1:{self.api_port}",
                    "managementListenAddress": f"127.0.0.1:{self.management_port}",
                    "certificate": str(self.pair.cert), "privateKey": str(self.pair.key), "httpPort": http, "tlsPort": https,
                    "ocspResponderURL": "", "externalAccountBindingRequired": bool(self.eab), "domainBlocklist": self.blocked}
        if self.eab:
            settings["externalAccountMACKeys"] = self.eab
        if self.validity:
            settings["certificateValidityPeriod"] = self.validity
        path = self.place / "pebble.json"
        path.write_text(json.dumps({"pebble": settings}))
        server = self.dns_server or f"127.0.0.1:{self.dns_port}"
        self.ca = Peer([self.programs[0], "-config", path, "-dnsserver", server], self.place / "pebble.log", self.env)

    def _answers(self):
        if not self.ca.alive() or not self.dns.alive():
            raise AssertionError(f"pebble or challtestsrv ended\n{self._logs()}")
        try:
            self.get(self.directory)
            self.control("dns-request-history", host="none")
            return True
        except OSError:
            return False

    def _logs(self):
        return "\n".join(p.text()[-3000:] for p in (self.ca, self.dns) if p)

    def _end(self):
        for peer in (self.ca, self.dns):
            if peer:
                peer.stop()
        self.ports.release()

    def stop(self):
        self._end()
        self.server_ports.release()

    def down(self):
        """Nobody answers at the CA's address any more."""
        self.ca.stop()

    def up(self):
        """The CA again at its old address: new roots, no accounts, no orders."""
        self._spawn()
        wait_for(self._answers, "pebble to answer", 20, self._logs)

    def restart(self):
        self.down()
        self.up()

    # ---- what it knows ----

    @property
    def directory(self):
        return f"https://127.0.0.1:{self.api_port}/dir"

    @property
    def resolver(self):
        return f"127.0.0.1:{self.dns_port}"

    def get(self, url):
        with urllib.request.urlopen(url, context=self.context, timeout=10) as answer:
            return answer.read()

    def managed(self, path):
        return self.get(f"https://127.0.0.1:{self.management_port}/{path}")

    def roots(self, number=0):
        """A file with that root of the present start."""
        path = self.place / f"root{number}.pem"
        path.write_bytes(self.managed(f"roots/{number}"))
        return path

    def root_name(self, number=0):
        """Common name of that root."""
        cert = x509.load_pem_x509_certificate(self.managed(f"roots/{number}"))
        return cert.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value

    def status_by_serial(self, serial):
        """{"Status": "Valid" or "Revoked", "Reason": ...}; None for a serial that it never issued."""
        try:
            return json.loads(self.managed(f"cert-status-by-serial/{serial:x}"))
        except urllib.error.HTTPError as e:
            if e.code == 404:
                return None
            raise

    def requests(self, path):
        """How often a path was asked for ("/order-plz"): the log has a line for each."""
        return sum(1 for line in self.ca.text().split("\n") if f"{path} -> calling handler" in line)

    # ---- its name server ----

    def control(self, verb, **what):
        """A call of challtestsrv's control interface: control("add-a", host="x.org.", addresses=[...])."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.control_port}/{verb}", json.dumps(what).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def unreachable(self, *names):
        """These names lead to an address where nobody listens."""
        for name in names:
            self.control("add-a", host=name + ".", addresses=["127.9.9.9"])

    def broken_dns(self, *names):
        """The name server fails for these names."""
        for name in names:
            self.control("set-servfail", host=name + ".")

    def mended(self, *names):
        for name in names:
            self.control("clear-servfail", host=name + ".")
            self.control("clear-a", host=name + ".")


@contextlib.contextmanager
def running_pebble(**options):
    """A Pebble for all scenarios of a file."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="port443-pebble-"))
    place.chmod(0o755)
    ca = Pebble(place, **options)
    try:
        yield ca.start()
    finally:
        ca.stop()
        shutil.rmtree(place, ignore_errors=True)
