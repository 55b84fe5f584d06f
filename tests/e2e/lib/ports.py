# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Kernel-assigned ports that stay ours between the choice and the server's bind.

The server binds with SO_REUSEPORT, so two servers of one account could share a port without noticing. A name in the
abstract Unix namespace, bound as long as the reservation lives, keeps every other run on this machine away from it.
"""

import socket


class Ports:
    """Some free TCP ports, free on IPv4 and IPv6."""

    def __init__(self, count):
        self.claims = []
        self.numbers = []
        while len(self.numbers) < count:
            port = self._one()
            if port:
                self.numbers.append(port)

    def _one(self):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as v4:
            v4.bind(("0.0.0.0", 0))
            port = v4.getsockname()[1]
            try:
                with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as v6:
                    v6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    v6.bind(("::", port))
            except OSError:
                return None
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                claim.bind(f"\0port443-e2e-port-{port}")
            except OSError:
                claim.close()
                return None
            self.claims.append(claim)
            return port

    def release(self):
        for claim in self.claims:
            claim.close()
        self.claims = []


def ipv6_works():
    """Whether this machine has an IPv6 loopback."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False
