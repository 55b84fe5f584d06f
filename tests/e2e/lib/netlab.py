# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Three network namespaces in a row, client - middlebox - server, with every kind of thing in the way.

Needs root, iproute2 and iptables (its nft flavour will do: string and length matches, REJECT, REDIRECT). why_not() says
what is missing. The addresses are of documentation networks, so nothing leaves the machine.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

from .certs import Certs
from .server import BINARY

TARGET = "good.lab"
CONTROLS = ("control1.lab", "control2.lab")
INNOCENT = "innocent.lab"
DNS, SECOND_DNS, PORTAL = "198.51.100.53", "198.51.100.54", "198.51.100.22"
ADDRESS = {TARGET: ["198.51.100.10"], "multi.lab": ["198.51.100.10", "198.51.100.13"], "closed.lab": ["198.51.100.12"],
           "ssh.lab": ["198.51.100.14"], "http.lab": ["198.51.100.18"], "alert.lab": ["198.51.100.15"],
           "expired.lab": ["198.51.100.16"], "packet.lab": ["198.51.100.17"], "other.lab": ["198.51.100.10"],
           "noroute.lab": ["203.0.113.9"], INNOCENT: ["198.51.100.23"], "portal.lab": [PORTAL],
           CONTROLS[0]: ["198.51.100.20"], CONTROLS[1]: ["198.51.100.21"]}
FALSE_ADDRESS = "198.51.100.66"
BIG, SLOW = 60000, 8000  # bytes of /big; bytes in a second of who is throttled


def sh(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True, timeout=30)


def why_not():
    """The reason why there can be no lab here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("ip", "iptables"):
        if not shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            return f"{tool} is not installed"
    name = f"p443-{os.getpid()}-try"
    if sh("ip", "netns", "add", name, check=False).returncode:
        return "this kernel makes no network namespaces for us"
    tried = sh("ip", "netns", "exec", name, "iptables", "-A", "FORWARD", "-p", "tcp", "-m", "string", "--algo", "bm", "--string",
               "x", "-j", "DROP", check=False)
    sh("ip", "netns", "del", name)
    return f"iptables: {tried.stderr.strip()}" if tried.returncode else None


class Netlab:
    """up: `client`, `box`, `server` are names of namespaces. Use as a context."""

    def __init__(self, place):
        self.place = pathlib.Path(place)
        self.client, self.box, self.server = (f"p443-{os.getpid()}-{role}" for role in "cms")
        self.nodes = []
        self.made = []

    def __enter__(self):
        try:
            self._plan()
            self._wire()
            self._start(self.server, "server")
            self._start(self.box, "middlebox")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for node in self.nodes:
            node.stdin.close()
            node.wait(10)
            node.stdout.close()
        for name in self.made:
            sh("ip", "netns", "del", name, check=False)
        self.nodes, self.made = [], []

    def _plan(self):
        certs, foreign = Certs(self.place / "ca"), Certs(self.place / "foreign", "middlebox root")
        self.root = certs.root
        good = [n for n in ADDRESS if n not in (INNOCENT, "expired.lab")]
        # RSA, so that one packet does not hold the server's flight.
        pair = [str(p) for p in certs.leaf(*good, key="rsa", through_intermediate=True)[:2]]
        innocent = [str(p) for p in certs.leaf(INNOCENT, key="rsa", through_intermediate=True)[:2]]
        expired = [str(p) for p in certs.leaf("expired.lab", days=-3, age_days=40)[:2]]
        box = [str(p) for p in foreign.leaf(*ADDRESS)[:2]]
        tls = [{"address": a, "pair": pair, "by_name": {INNOCENT: innocent}}
               for name in (TARGET, INNOCENT, *CONTROLS) for a in ADDRESS[name]]
        tls += [{"address": "198.51.100.13", "pair": pair},
                {"address": "198.51.100.15", "pair": pair, "alerts": ["alert.lab"]},
                {"address": "198.51.100.16", "pair": expired, "by_name": {INNOCENT: innocent}},
                {"address": "198.51.100.17", "pair": pair, "one_packet": True},
                {"address": FALSE_ADDRESS, "pair": innocent}]
        says = {"198.51.100.14": "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "198.51.100.18": ""}
        lies = {**ADDRESS, TARGET: [FALSE_ADDRESS]}
        denied = {n: a for n, a in ADDRESS.items() if n != TARGET}
        plan = {"tls": tls, "says": says, "big": BIG, "names": {DNS: ADDRESS, SECOND_DNS: ADDRESS},
                "middlebox": {"pair": box, "name": TARGET, "bytes_per_s": SLOW, "liars": {4453: lies, 4454: denied}}}
        self.addresses = sorted({a for row in tls for a in [row["address"]]} | set(says) | {DNS, SECOND_DNS, PORTAL, "198.51.100.12"})
        (self.place / "plan.json").write_text(json.dumps(plan))

    def _wire(self):
        for name in (self.client, self.box, self.server):
            sh("ip", "netns", "add", name)
            self.made.append(name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
        for near, there, far, here in ((self.client, "192.0.2.2/24", "c", "192.0.2.1/24"),
                                       (self.server, "198.51.100.2/24", "s", "198.51.100.1/24")):
            sh("ip", "-n", self.box, "link", "add", f"to{far}", "type", "veth", "peer", "name", "eth0", "netns", near)
            sh("ip", "-n", self.box, "address", "add", here, "dev", f"to{far}")
            sh("ip", "-n", near, "address", "add", there, "dev", "eth0")
            sh("ip", "-n", self.box, "link", "set", f"to{far}", "up")
            sh("ip", "-n", near, "link", "set", "eth0", "up")
            sh("ip", "-n", near, "route", "add", "default", "via", here.split("/", maxsplit=1)[0])
        for address in self.addresses:
            sh("ip", "-n", self.server, "address", "add", address + "/32", "dev", "eth0")
        sh("ip", "netns", "exec", self.box, "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def _start(self, namespace, role):
        node = subprocess.Popen(["ip", "netns", "exec", namespace, sys.executable, "-u",
                                 str(pathlib.Path(__file__).with_name("netnode.py")), role, str(self.place)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.nodes.append(node)
        if node.stdout.readline() != "ready\n":
            raise RuntimeError(f"the {role} of the lab does not start")

    # ---- what is in the way ----

    def tables(self, *words):
        sh("ip", "netns", "exec", self.box, "iptables", *words)

    def forward(self, *words):
        """A rule for packets that pass the middlebox."""
        self.tables("-A", "FORWARD", *words)

    def redirect(self, kind, port, to, address=None):
        """Connections (or questions) to a port end at the middlebox's own."""
        where = ("-d", address) if address else ()
        self.tables("-t", "nat", "-A", "PREROUTING", "-i", "toc", "-p", kind, "--dport", str(port), *where, "-j", "REDIRECT",
                    "--to-ports", str(to))

    def clear(self):
        self.tables("-F", "FORWARD")
        self.tables("-t", "nat", "-F")

    # ---- the client ----

    def check(self, *words, timeout=60):
        """`port443 check` in the client's namespace, its JSON."""
        ran = subprocess.run(["ip", "netns", "exec", self.client, BINARY, "check", *words, "--json"], capture_output=True,
                             text=True, timeout=timeout, check=False)
        assert "Sanitizer" not in ran.stderr and "runtime error" not in ran.stderr, ran.stderr
        try:
            return json.loads(ran.stdout)
        except ValueError as e:
            raise AssertionError(f"check: status {ran.returncode}\n{ran.stdout}{ran.stderr}") from e

    def why(self, target, *words, second=True, controls=CONTROLS, portal=True):
        """The `why` of the answer."""
        words = [*words, "--ca", str(self.root), "--resolver", DNS, "--control-name", INNOCENT, "--timeout", "1s"]
        words += ["--control-hosts", ",".join(controls) if controls else "none"]
        words += ["--control-resolver", SECOND_DNS if second else "none"]
        words += ["--portal-url", "http://portal.lab/generate_204" if portal else "none"]
        return self.check(target, "--why", *words)["why"]
