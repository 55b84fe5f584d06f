# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Which site a hello reaches: names, wildcards, addresses; strict, and tied to Host and to ALPN."""

import ssl

import pytest
from lib.link import tls_context
from lib.tlsbio import TlsBytes

SITES = """
sites:
  localhost: {respond: one}
  other.localhost: {respond: other, aliases: second.localhost}
  "*.wild.localhost": {respond: wild}
  exact.wild.localhost: {respond: exact}
"""


def test_names_and_wildcards(server):
    s = server(SITES)
    for name, text in [("localhost", "one"), ("other.localhost", "other"), ("second.localhost", "other"),
                       ("a.wild.localhost", "wild"), ("exact.wild.localhost", "exact"), ("OTHER.LocalHost", "other")]:
        with s.tls(name) as link:
            assert link.get("/", host=name).text == text, name


@pytest.mark.parametrize("name", ["unknown.localhost", "wild.localhost", "a.b.wild.localhost", "example.com", "localhost.evil"])
def test_unknown_names_get_unrecognized_name(server, name):
    s = server(SITES)
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        s.tls(name, cafile=False)
    assert s.metrics()["port443_tls_unknown_name_total"] == 1


def test_the_alert_is_fatal_and_the_end(server):
    s = server(SITES)
    with s.tcp() as link:
        link.send(TlsBytes(link.sock, tls_context(None), "no.such.name").hello())
        assert link.reader.exactly(7) == bytes([21, 3, 3, 0, 2, 2, 112])
        assert link.reader.closed()


def test_no_name_gets_the_site_of_the_address(server):
    s = server("sites: {localhost: {respond: name}, 127.0.0.1: {respond: address}}")
    with s.tls(None) as link:
        assert link.get("/", host="127.0.0.1").text == "address"
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        s.tls(None, address="127.0.0.2")


def test_no_name_and_no_site_of_the_address(server):
    s = server(SITES)
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        s.tls(None)


def test_ip_site_has_its_certificate(server):
    s = server("sites: {127.0.0.1: {respond: address}, '::1': {respond: six}}")
    answer = s.curl("/", name="127.0.0.1")
    assert (answer.exit, answer.text) == (0, "address"), answer.stderr


@pytest.mark.parametrize("offered,chosen", [(["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"),
                                            (["http/1.1"], "http/1.1"), (["foo", "http/1.1"], "http/1.1"), (None, None)])
def test_alpn(server, offered, chosen):
    s = server(SITES)
    with s.tls(alpn=offered) as link:
        assert link.sock.selected_alpn_protocol() == chosen


def test_alpn_without_a_common_protocol(server):
    s = server(SITES)
    with pytest.raises(ssl.SSLError, match="alert no application protocol"):
        s.tls(alpn=["spdy/3"])


def test_certificate_of_each_name(server):
    s = server(SITES)
    for name, wanted in [("localhost", {"localhost"}), ("second.localhost", {"other.localhost", "second.localhost"}),
                         ("b.wild.localhost", {"*.wild.localhost"})]:
        with s.tls(name) as link:
            assert {v for k, v in link.sock.getpeercert()["subjectAltName"]} == wanted
