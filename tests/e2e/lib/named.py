# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""BIND's named on loopback: one dynamic zone in a directory of the scenario, updates by TSIG only."""

import base64
import contextlib
import os
import pathlib
import secrets
import shutil
import socket
import struct
import tempfile

from .peer import Peer, need
from .ports import Ports
from .wait import wait_for

START_TRIES = 4
TXT, SOA = 16, 6

CONF = """
options {{
    directory "{place}"; pid-file none; session-keyfile none; managed-keys-directory "{place}";
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    recursion no; dnssec-validation no; notify no; allow-transfer {{ none; }}; empty-zones-enable no;
}};
controls {{ }};
key "{key}" {{ algorithm {algorithm}; secret "{secret}"; }};
zone "{zone}" {{
    type primary; file "{place}/zone.db";
    update-policy {{ grant {key} zonesub TXT; }};
}};
"""

ZONE = """$TTL 60
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 127.0.0.1
@ IN A 127.0.0.1
* IN A 127.0.0.1
{more}
"""


def _encoded(name):
    return b"".join(bytes([len(p)]) + p.encode() for p in name.rstrip(".").split(".")) + b"\0"


def _skip(data, at):
    while data[at]:
        if data[at] >= 192:
            return at + 2
        at += data[at] + 1
    return at + 1


class Named:
    """.resolver "HOST:PORT", .key, .secret (base64), .algorithm of TSIG, .zone. more: lines of the zone file."""

    def __init__(self, place, zone="example.com", algorithm="hmac-sha256", more=""):
        self.program = need("named")
        self.place = pathlib.Path(place)
        self.place.mkdir(exist_ok=True, mode=0o755)
        self.zone, self.algorithm, self.more = zone, algorithm, more
        self.key, self.secret = "acme-update", base64.b64encode(secrets.token_bytes(32)).decode()
        self.peer = self.ports = None

    def start(self):
        for attempt in range(START_TRIES):
            self.ports = Ports(1)
            self.port = self.ports.numbers[0]
            conf = self.place / "named.conf"
            conf.write_text(CONF.format(place=self.place, port=self.port, key=self.key, algorithm=self.algorithm,
                                        secret=self.secret, zone=self.zone))
            (self.place / "zone.db").write_text(ZONE.format(more=self.more))
            self.peer = Peer([self.program, "-g", "-n", "1", "-c", conf], self.place / "named.log",
                             {"TMPDIR": str(self.place)}, cwd=self.place)
            try:
                wait_for(self._answers, "named to answer", 20, self.peer.text)
                return self
            except AssertionError:
                self.stop()
                if "address in use" not in self.peer.text() or attempt == START_TRIES - 1:
                    raise
        return self

    def _answers(self):
        if not self.peer.alive():
            raise AssertionError(f"named ended\n{self.peer.text()[-3000:]}")
        try:
            return self.ask(self.zone, SOA)
        except OSError:
            return False

    def stop(self):
        self.peer.stop()
        self.ports.release()

    @property
    def resolver(self):
        return f"127.0.0.1:{self.port}"

    def ask(self, name, kind=TXT):
        """The data of the answer's records of that kind, over TCP."""
        query = struct.pack(">HHHHHH", os.getpid() & 0xffff, 0, 1, 0, 0, 0) + _encoded(name) + struct.pack(">HH", kind, 1)
        with socket.create_connection(("127.0.0.1", self.port), 5) as link:
            link.sendall(struct.pack(">H", len(query)) + query)
            with link.makefile("rb") as stream:
                data = stream.read(struct.unpack(">H", stream.read(2))[0])
        count, at, found = struct.unpack(">H", data[6:8])[0], _skip(data, 12) + 4, []
        for _ in range(count):
            at = _skip(data, at)
            got, _, _, length = struct.unpack(">HHIH", data[at:at + 10])
            if got == kind:
                found.append(data[at + 10:at + 10 + length])
            at += 10 + length
        return found

    def texts(self, name):
        """The strings of its TXT records."""
        return [record[1:1 + record[0]].decode() for record in self.ask(name)]

    def updates(self):
        """Lines of the log about updates that were made or refused."""
        return [line for line in self.peer.text().split("\n") if "update" in line]


@contextlib.contextmanager
def running_named(**options):
    """A name server for all scenarios of a file."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="port443-named-"))
    place.chmod(0o755)
    server = Named(place, **options)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)
