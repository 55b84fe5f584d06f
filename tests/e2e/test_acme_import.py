# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Certificates of certbot and Caddy taken over: served at once, and renewed here from then on."""

import json

import pytest
from lib.acme import Store, config, issued, leaf, row
from lib.clock import Clock
from lib.fakeca import running_fake, stop_fake

NAME = "moved.example.com"


@pytest.fixture(name="clock")
def fixture_clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture(name="ca")
def fixture_ca(clock):
    ca = running_fake(clock=clock)
    yield ca
    stop_fake(ca)


def certbot(place, pair, name=NAME, number=2):
    """certbot's /etc/letsencrypt: numbered archive, links in live."""
    archive, live = place / "archive" / name, place / "live" / name
    for folder in (archive, live, place / "renewal"):
        folder.mkdir(parents=True)
    blocks = pair.cert.read_text().split("-----END CERTIFICATE-----\n")
    parts = {"cert": blocks[0] + "-----END CERTIFICATE-----\n", "fullchain": pair.cert.read_text(),
             "chain": "-----END CERTIFICATE-----\n".join(blocks[1:]), "privkey": pair.key.read_text()}
    for part, text in parts.items():
        (archive / f"{part}{number}.pem").write_text(text)
        (live / f"{part}.pem").symlink_to(f"../../archive/{name}/{part}{number}.pem")
    (live / "README").write_text("This directory contains your keys and certificates.\n")
    (place / "renewal" / f"{name}.conf").write_text(
        f"version = 2.1.0\narchive_dir = {archive}\ncert = {live}/cert.pem\n[renewalparams]\n"
        "server = https://acme-v02.api.letsencrypt.org/directory\nkey_type = ecdsa\n")
    return place


def caddy(place, pair, name=NAME):
    """Caddy's data directory."""
    folder = place / "certificates" / "acme-v02.api.letsencrypt.org-directory" / name
    folder.mkdir(parents=True)
    (folder / f"{name}.crt").write_text(pair.cert.read_text())
    (folder / f"{name}.key").write_text(pair.key.read_text())
    (folder / f"{name}.json").write_text(json.dumps({"sans": [name], "issuer_data": {"url": "https://ca.invalid/cert/1"}}))
    return place


@pytest.mark.parametrize("layout", [certbot, caddy])
def test_taken_over(program, server, ca, clock, certs, tmp_path, layout):
    pair = certs.leaf(NAME, through_intermediate=True)
    place = layout(tmp_path / "old", pair)
    state = tmp_path / "state"
    done = program("cert", "import", place, "--state", state)
    assert done.returncode == 0 and NAME in done.stdout, done.stdout + done.stderr
    s = server(config(tmp_path, ca, NAME), ports=ca.server_ports, env=clock.env)
    assert leaf(s, NAME, certs.root).serial_number == pair.x509.serial_number
    assert not ca.count("newOrder")
    assert Store(s).current(NAME).serial_number == pair.x509.serial_number
    clock.turn_to(row(s, NAME)["renewal"])
    issued(s, NAME, ca.root)
    assert "replaces" not in ca.seen("newOrder")[0].payload


def test_several_and_a_broken_one(program, certs, tmp_path):
    """What cannot be read is told; the rest comes."""
    place = tmp_path / "old"
    certbot(place, certs.leaf(NAME, key="rsa"))
    (place / "live" / "bad.example.com").mkdir()
    (place / "live" / "bad.example.com" / "fullchain.pem").write_text("no certificate\n")
    (place / "live" / "bad.example.com" / "privkey.pem").write_text("no key\n")
    done = program("cert", "import", place, "--state", tmp_path / "state")
    assert done.returncode == 1 and "bad.example.com" in done.stderr and NAME in done.stdout, done.stdout + done.stderr
    rows = json.loads(program("cert", "list", "--json", "--state", tmp_path / "state").stdout)
    assert [(r["name"], r["key"]) for r in rows] == [(NAME, "rsa")]


def test_older_than_ours(program, server, ca, clock, certs, tmp_path):
    """An import never takes the place of a certificate that is better."""
    text = config(tmp_path, ca, NAME)
    s = server(text, ports=ca.server_ports, env=clock.env)
    mine = issued(s, NAME, ca.root)
    assert s.stop() == 0
    place = certbot(tmp_path / "old", certs.leaf(NAME, days=5))
    program("cert", "import", place, "--state", s.state)
    assert Store(s).current(NAME).serial_number == mine.serial_number


def test_nothing_there(program, tmp_path):
    (tmp_path / "empty").mkdir()
    done = program("cert", "import", tmp_path / "empty", "--state", tmp_path / "state")
    assert done.returncode == 2 and "certbot" in done.stderr and "Caddy" in done.stderr
