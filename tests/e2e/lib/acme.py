# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""A server whose certificates come from a CA of the scenario: its configuration, what it serves, what it says about that."""

import json
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from .link import tcp, tls_context, wrap
from .wait import wait_for

ISSUE_S = 20  # until a certificate must be there
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module has no name for


def trusted(place, *cas):
    """One PEM file with the roots of the CAs' own HTTPS servers."""
    path = place / "acme-roots.pem"
    path.write_text("".join(ca.ca_file.read_text() for ca in cas))
    path.chmod(0o644)
    return path


def config(place, ca, *names, sites=None, acme=None, **top):
    """Configuration text (JSON is YAML). ca: one or a list. names: sites that answer with their name; sites: {name: map}.
    acme: further members of that map. top: members beside it."""
    cas = ca if isinstance(ca, (list, tuple)) else [ca]
    block = {"email": "ops@example.com", "directory": [c.directory for c in cas], "ca_file": str(trusted(place, *cas)),
             "preflight": False}
    resolver = getattr(cas[0], "resolver", None)
    if resolver:
        block["resolver"] = resolver
    block.update(acme or {})
    all_sites = {n: {"respond": n} for n in names} | (sites or {})
    return json.dumps({"acme": block, **top, "sites": all_sites}, indent=1)


def client(s, cafile=None, **how):
    """A client's context. Where the engine's clock is turned, times of certificates are not looked at."""
    context = tls_context(cafile, **how)
    if cafile and "PORT443_TEST_CLOCK" in s.env:
        context.verify_flags |= NO_CHECK_TIME
    return context


def leaf(s, name, cafile=None, **how):
    """What a client that asks for the name gets (cafile: and verifies), as x509."""
    with s.tls(name, context=client(s, cafile, **how)) as link:
        return x509.load_der_x509_certificate(link.sock.getpeercert(True))


def issued(s, name, root, timeout=ISSUE_S, other_than=()):
    """Waits until the name is served with a certificate that leads to the root, with another serial than these."""
    def condition():
        try:
            cert = leaf(s, name, root)
        except (ssl.SSLError, OSError):
            return None
        return cert if cert.serial_number not in other_than else None
    return wait_for(condition, f"a certificate of {name}", timeout, lambda: s.events.text()[-4000:])


def temporary(s, name):
    """Whether the name is served with a self-signed certificate."""
    cert = leaf(s, name)
    return cert.issuer == cert.subject


def names_of(cert):
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(n.value) for n in names}


def rows(s):
    """What the running server says of each wanted certificate (docs/certificates.md)."""
    keeper = s.report()["keeper"][0]
    return (keeper.get("report") or keeper).get("certificates", [])


def row(s, name, key="ecdsa"):
    """The one of this name and kind of key; {} without one. "renewal" is the time of the next attempt."""
    return next((r for r in rows(s) if r["name"] == name and r.get("key", key) == key), {})


def listed(s, name=None):
    """`cert list --json`, which reads the store; one row with a name."""
    done = s.verb("cert", "list", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return next((r for r in found if r["name"] == name), {}) if name else found


def attempt(s, clock, name):
    """Turns the clock to the next attempt and waits for its end; the row then."""
    before = row(s, name)
    clock.turn_to(before["renewal"])
    return wait_for(lambda: (lambda r: r if r.get("failures") != before["failures"] else None)(row(s, name)),
                    f"attempt {before['failures'] + 1}", 20, lambda: s.events.text()[-4000:])


class Load:
    """Clients without a pause: each a handshake that verifies, and a request. roots: files, any of which will do."""

    def __init__(self, s, names, root, threads=2):
        self.s, self.names, self.root = s, names, root
        self.good, self.failed, self.serials = 0, [], []
        self.over, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for t in self.threads:
            t.start()

    def _run(self):
        context = client(self.s, self.root)
        while not self.over.is_set():
            for name in self.names:
                try:
                    sock = wrap(tcp(self.s.https_port), context, name)
                    number = sock.getpeercert()["serialNumber"]
                    sock.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                    ok = sock.recv(4096).startswith(b"HTTP/1.1 200")
                    sock.close()
                    with self.lock:
                        self.good += ok
                        if number not in self.serials:
                            self.serials.append(number)
                        if not ok:
                            self.failed.append(f"{name}: no 200")
                except OSError as e:
                    with self.lock:
                        self.failed.append(f"{name}: {e!r}")

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join(20)
        return self


class Store:
    """What lies in STATE/certs (layout: src/cert/lineage.h)."""

    def __init__(self, s):
        self.path = s.state / "certs"

    def lineage(self, name, key="ecdsa"):
        return self.path / f"{name.replace('*.', '_.').replace(':', '-')}.{key}"

    def generations(self, name, key="ecdsa"):
        return sorted(p.name for p in self.lineage(name, key).glob("0*") if p.is_dir())

    def current(self, name, key="ecdsa"):
        """The leaf of the current generation; its key must fit."""
        place = self.lineage(name, key) / "current"
        cert = x509.load_pem_x509_certificate((place / "chain.pem").read_bytes())
        private = serialization.load_pem_private_key((place / "key.pem").read_bytes(), None)
        assert private.public_key().public_numbers() == cert.public_key().public_numbers()
        return cert

    def job(self, name, key="ecdsa"):
        path = self.lineage(name, key) / "job.json"
        return json.loads(path.read_text()) if path.exists() else {}
