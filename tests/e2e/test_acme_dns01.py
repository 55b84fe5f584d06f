# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""dns-01: records by RFC 2136 with TSIG in a real name server, or by a program; taken away again in every case."""

import subprocess

import pytest
from lib.acme import config, issued, leaf, names_of, row
from lib.dnshook import hook
from lib.named import running_named
from lib.pebble import running_pebble
from lib.peer import need
from lib.wait import wait_for

LINES = "alias IN CNAME target\n_acme-challenge.alias IN CNAME proof.delegated"


@pytest.fixture(scope="module", name="dns")
def fixture_dns():
    with running_named(zone="example.com", more=LINES) as dns:
        yield dns


@pytest.fixture(scope="module", name="ca")
def fixture_ca(dns):
    with running_pebble(dns_server=dns.resolver, authz_reuse=0) as ca:
        yield ca


def settings(dns, tmp_path, secret=None, **more):
    path = tmp_path / "tsig"
    path.write_text((secret or dns.secret) + "\n")
    return {"challenges": ["dns-01"], "resolver": dns.resolver,
            "dns": {"server": dns.resolver, "tsig_name": dns.key, "tsig_secret_file": str(path)} | more}


def test_wildcard_and_apex_together(server, ca, dns, tmp_path):
    """Two values at one name, _acme-challenge.example.com, and neither of them stays."""
    sites = {"example.com": {"respond": "apex", "aliases": ["*.example.com"]}}
    s = server(config(tmp_path, ca, sites=sites, acme=settings(dns, tmp_path)), ports=ca.server_ports)
    cert = issued(s, "example.com", ca.roots(), 30)
    assert names_of(cert) == {"example.com", "*.example.com"}
    leaf(s, "any.example.com", ca.roots())
    added = [line for line in dns.updates() if "adding an RR at '_acme-challenge.example.com'" in line]
    assert len(added) >= 2
    wait_for(lambda: not dns.texts("_acme-challenge.example.com"), "the records to be taken away", shown=dns.peer.text)


def test_other_records_of_the_name_stay(server, ca, dns, tmp_path):
    """Records are added to a set and taken out of it one by one: nobody else's is lost."""
    program = need("nsupdate")
    text = (f"server 127.0.0.1 {dns.port}\nzone example.com\nkey {dns.algorithm}:{dns.key} {dns.secret}\n"
            'update add _acme-challenge.kept.example.com 60 TXT "somebody else"\nsend\n')
    subprocess.run([program], input=text, text=True, check=True, timeout=10)
    s = server(config(tmp_path, ca, "kept.example.com", acme=settings(dns, tmp_path)), ports=ca.server_ports)
    issued(s, "kept.example.com", ca.roots(), 30)
    wait_for(lambda: dns.texts("_acme-challenge.kept.example.com") == ["somebody else"], "our record to go, alone",
             shown=dns.peer.text)


def test_delegated_by_cname(server, ca, dns, tmp_path):
    s = server(config(tmp_path, ca, "alias.example.com", acme=settings(dns, tmp_path)), ports=ca.server_ports)
    issued(s, "alias.example.com", ca.roots(), 30)
    assert [line for line in dns.updates() if "adding an RR at 'proof.delegated.example.com'" in line]


def test_wrong_key(server, ca, dns, tmp_path):
    """The name server refuses: said in words, and the CA was never told to look."""
    before = ca.requests("/chalZ/")
    wrong = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    s = server(config(tmp_path, ca, "wrong.example.com", acme=settings(dns, tmp_path, secret=wrong)), ports=ca.server_ports)
    told = wait_for(lambda: row(s, "wrong.example.com").get("last_error"), "the failure to be told", 20, s.events.text)
    assert "TSIG" in told or "BADSIG" in told or "NOTAUTH" in told, told
    assert wrong not in s.events.text()
    assert ca.requests("/chalZ/") == before


def test_by_a_program(server, ca, dns, tmp_path):
    path, calls = hook(dns, tmp_path)
    acme = {"challenges": ["dns-01"], "resolver": dns.resolver, "dns": {"hook": str(path)}}
    s = server(config(tmp_path, ca, sites={"*.hook.example.com": {"respond": "hook"}}, acme=acme), ports=ca.server_ports)
    issued(s, "x.hook.example.com", ca.roots(), 30)
    wait_for(lambda: len(calls()) == 2, "the clean-up")
    (first, _), (second, _) = calls()
    assert first[:2] == ["present", "_acme-challenge.hook.example.com"] and len(first[2]) == 43
    assert second == ["cleanup", *first[1:]]
    assert dns.texts("_acme-challenge.hook.example.com") == []


def test_a_program_that_fails(server, ca, dns, tmp_path):
    """Its status is told, and the clean-up is called all the same."""
    path, calls = hook(dns, tmp_path, status=7)
    acme = {"challenges": ["dns-01"], "resolver": dns.resolver, "dns": {"hook": str(path)}}
    s = server(config(tmp_path, ca, "fails.example.com", acme=acme), ports=ca.server_ports)
    told = wait_for(lambda: row(s, "fails.example.com").get("last_error"), "the failure to be told", 20, s.events.text)
    assert "hook" in told and "status 7" in told, told
    wait_for(lambda: [c[0][0] for c in calls()] == ["present", "cleanup"], "the clean-up")
