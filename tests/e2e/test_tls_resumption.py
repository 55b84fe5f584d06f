# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Session tickets: known to every worker, rotated, bound to the name that they were given for."""

import ssl

import pytest
from lib.link import tls_context
from lib.tlsbio import s_client
from lib.wait import wait_for

V = ssl.TLSVersion
SITES = "sites: {a.localhost: {respond: connection}, b.localhost: {respond: connection}}"
VERSIONS = pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3])


def visit(s, name, context, session=None):
    """(resumed by our reckoning, by the server's, the session to keep)"""
    with s.tls(name, context=context, session=session) as link:
        told = link.get("/", host=name).json()["tls"]["resumed"]
        return link.sock.session_reused, told, link.sock.session


@VERSIONS
def test_resumption(server, version):
    s = server(SITES)
    context = tls_context(s.root, versions=(version, version))
    first = visit(s, "a.localhost", context)
    assert first[:2] == (False, False)
    again = visit(s, "a.localhost", context, first[2])
    assert again[:2] == (True, True)
    wait_for(lambda: s.metrics()["port443_tls_full_handshakes_total"] == 3,
             "the first visit, and the server's own look at either certificate")
    assert s.metrics()["port443_tls_resumed_handshakes_total"] == 1


@VERSIONS
def test_every_worker_knows_the_keys(server, version):
    s = server(SITES, workers=2)
    context = tls_context(s.root, versions=(version, version))
    session = visit(s, "a.localhost", context)[2]
    links = []
    for _ in range(24):
        links.append(s.tls("a.localhost", context=context, session=session))
        assert links[-1].sock.session_reused
    counts = [w["report"]["connections"] for w in s.report()["workers"]]
    assert all(counts), counts  # both had a part in it


@VERSIONS
def test_not_across_sites(server, version):
    s = server(SITES)
    context = tls_context(s.root, versions=(version, version))
    session = visit(s, "a.localhost", context)[2]
    assert visit(s, "b.localhost", context, session)[:2] == (False, False)
    assert visit(s, "a.localhost", context, session)[:2] == (True, True)


def ticket_key(s):
    """The name of the key that encrypts tickets now: the first 16 bytes of a ticket."""
    out = s_client(s.https_port, "-tls1_2", server_name="a.localhost")
    line = next(row for row in out.split("\n") if row.strip().startswith("0000 - "))
    return line.split(" - ")[1].split("   ")[0]


def test_keys_rotate_and_old_tickets_still_work(server):
    s = server("tls: {ticket_lifetime: 1s}\n" + SITES, workers=2)
    context = tls_context(s.root)
    keys, full = set(), []

    def rotated_twice():
        keys.add(ticket_key(s))
        session = visit(s, "a.localhost", context)[2]
        full.extend(n for n in range(4) if not visit(s, "a.localhost", context, session)[0])
        return len(keys) >= 3
    wait_for(rotated_twice, "two rotations of the ticket key")
    assert not full


def test_keys_stay_within_their_life(server):
    s = server(SITES, workers=2)
    assert len({ticket_key(s) for _ in range(6)}) == 1


def test_a_reload_keeps_sessions(server):
    s = server(SITES)
    context = tls_context(s.root)
    session = visit(s, "a.localhost", context)[2]
    s.reload()
    assert visit(s, "a.localhost", context, session)[:2] == (True, True)
