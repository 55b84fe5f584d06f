# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What is served is looked at with a handshake of our own, and what the certificate engine counts is in both metrics."""

import json

from lib.wait import wait_for

ACCEPTED = "port443_connections_accepted_total"


def looks(s, count):
    """Waits until so many connections were accepted, with the metrics of then."""
    def condition():
        seen = s.metrics()
        return seen if seen[ACCEPTED] >= count else None
    return wait_for(condition, f"{count} handshakes", 20, s.events.text)


def sites(*names):
    return json.dumps({"sites": {n: {"respond": n} for n in names}})


def test_looked_at_once_each(server):
    """At the start every certificate, after a reload the new ones only, and below a wildcard too."""
    s = server(sites("localhost", "*.look.test"), workers=2)
    seen = looks(s, 2)
    assert seen["port443_tls_full_handshakes_total"] == 2
    assert seen["port443_tls_failed_handshakes_total"] == 0
    s.reload(sites("localhost", "*.look.test", "new.test"))
    assert looks(s, 3)[ACCEPTED] == 3
    s.reload()
    s.report()  # the keeper has had its turn
    assert s.metrics()[ACCEPTED] == 3
    assert not s.events.find("served_mismatch")


def test_looked_at_where_we_listen(server):
    s = server(json.dumps({"listen": ["127.0.0.2"], "sites": {"localhost": {"respond": "x"}}}), workers=1)
    assert looks(s, 1)["port443_tls_full_handshakes_total"] == 1
def test_engine_in_both_metrics(server):
    s = server(json.dumps({"metrics": {"listen": "127.0.0.1:{spare}"}, "sites": {"localhost": {"respond": "x"}}}),
               spare_ports=1)

    def both():
        text = s.tcp(s.spare[0]).get("/metrics", host="127.0.0.1").body.decode()
        return text if "port443_certificates{" in text and "port443_certificates{" in s.verb("status", "--metrics").stdout \
            else None
    text = wait_for(both, "the engine's metrics", 20, s.events.text)
    assert 'port443_certificates{source="local"} 1\n' in text
    assert text.index("# TYPE port443_certificates ") < text.index("port443_certificates{")
