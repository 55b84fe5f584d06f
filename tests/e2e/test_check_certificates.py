# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""`port443 check` on every chain of lib/badchains.py, shown by a real TLS server at the chains' own time: findings, trust
and name, against what `openssl verify` says to the same files."""

import asyncio
import http.server
import json
import re
import ssl
import subprocess
import threading

import pytest

from lib import badchains
from lib.server import run

# Verdicts of `check` that are stricter than the library's strict verification (docs/check-certificates.md).
STRICTER = {"wildcard-partial", "cn-only", "version-1", "sha1", "md5", "revocation-revoked", "revocation-revoked-old-list"}
# No TLS library of today serves these: a curve that TLS has given up, extensions that it cannot read itself.
NOT_SHOWN = {"curve-192", "doubled-san", "garbled-san"}
ABOUT_CERTIFICATES = re.compile("cert-|dns-caa-other-ca")


class Shows:
    """One listener for each chain, all on one thread."""

    def __init__(self, directory, cases):
        self.ports, self.ready = {}, threading.Event()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._main, args=(directory, cases), daemon=True)
        self.thread.start()
        assert self.ready.wait(20)

    def _main(self, directory, cases):
        asyncio.set_event_loop(self.loop)
        for case in cases:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.load_cert_chain(directory / f"{case.name}.pem", directory / f"{case.name}.key")
            started = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context))
            self.ports[case.name] = started.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()

    @staticmethod
    async def _serve(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        writer.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


def check(root, case, port, *more):
    """The facts about one chain."""
    host = f"[{case.host}]" if ":" in case.host else case.host
    done = run("check", "--json", "--no-attacks", "--fast", "--ca", str(root), "--now", badchains.NOW.isoformat() + "Z", "--fail-on", "never",
               "--connect", f"127.0.0.1:{port}", *more, f"{host}:{port}")
    assert done.returncode == 0, f"{case.name}: {done.stderr}{done.stdout}"
    return json.loads(done.stdout)


def library_says(directory, case):
    """Does `openssl verify`, as strictly as it can, accept the chain for the host?"""
    parts = re.findall(r"-----BEGIN.*?-----END CERTIFICATE-----\n", (directory / f"{case.name}.pem").read_text(), re.S)
    (directory / "first.pem").write_text(parts[0])
    (directory / "rest.pem").write_text("".join(parts[1:]))
    is_address = ":" in case.host or case.host.replace(".", "").isdigit()
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_ip" if is_address else "-verify_hostname", case.host,
               "-attime", str(badchains.NOW_S), "-CAfile", str(directory / "root.pem"), "-no-CApath"]
    if parts[1:]:
        command += ["-untrusted", str(directory / "rest.pem")]
    return subprocess.run(command + [str(directory / "first.pem")], capture_output=True, check=False).returncode == 0


@pytest.fixture(name="made", scope="module")
def fixture_made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("chains")
    return badchains.Chains().write(directory), directory


def test_every_chain_over_tls(made):
    chains, directory = made
    # What depends on a list of revoked certificates is tested below.
    cases = [c for c in chains.cases if c.name not in NOT_SHOWN and not c.crl]
    shows = Shows(directory, cases)
    wrong = []
    try:
        for case in cases:
            facts = check(directory / "root.pem", case, shows.ports[case.name], "--no-crl")
            found = {f["id"] for f in facts["findings"] if ABOUT_CERTIFICATES.match(f["id"])}
            certificate = facts["certificate"]
            name_match = not case.findings & {"cert-name-mismatch", "cert-common-name-only"}
            want = (case.findings, case.verdict != "bad", name_match)
            got = (found, certificate["trusted"], certificate["name_match"])
            if got != want:
                wrong.append(f"{case.name}: got {got}, wanted {want}")
    finally:
        shows.stop()
    assert not wrong, "\n".join(wrong)


def test_as_strict_as_the_library(made):
    chains, directory = made
    different = set()
    for case in chains.cases:
        ours = case.verdict == "good" and not case.findings & {"cert-name-mismatch", "cert-common-name-only"}
        theirs = library_says(directory, case)
        assert theirs or not ours, f"{case.name}: we accept what the library refuses"
        if theirs != ours:
            different.add(case.name)
    assert different == STRICTER


class Lists(http.server.BaseHTTPRequestHandler):
    """GET /NAME.crl, from the server's `lists`."""

    def do_GET(self):  # noqa: N802
        body = self.server.lists.get(self.path)
        self.server.asked.append(self.path)
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args):
        pass


@pytest.fixture(name="lists")
def fixture_lists():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lists)
    server.lists, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_lists_of_revoked_certificates(made, lists):
    chains, directory = made
    cases = []
    for name, revoked, forged in (("listed", True, False), ("other-listed", False, False), ("forged", True, True), ("gone", None, False)):
        leaf = chains.leaf(extra=[(badchains.points(f"http://127.0.0.1:{lists.server_port}/{name}.crl"), False)])
        other = badchains.ec_key()
        if revoked is not None:
            lists.lists[f"/{name}.crl"] = badchains.crl(chains.middle, leaf if revoked else chains.leaf(), key=other if forged else None)
        (directory / f"{name}.pem").write_bytes(badchains.pem(leaf, chains.middle.cert))
        (directory / f"{name}.key").write_bytes(badchains.key_pem(chains.key))
        cases.append(badchains.Case(name, badchains.HOST, None, None, "bad" if name == "listed" else "good", set()))
    shows = Shows(directory, cases)
    try:
        for case in cases:
            facts = check(directory / "root.pem", case, shows.ports[case.name])
            ids = {f["id"] for f in facts["findings"]}
            assert ("cert-revoked" in ids, facts["certificate"]["trusted"]) == (case.verdict == "bad", case.verdict == "good"), case.name
        assert sorted(set(lists.asked)) == sorted(f"/{c.name}.crl" for c in cases)
        lists.asked.clear()
        facts = check(directory / "root.pem", cases[0], shows.ports["listed"], "--no-crl")
        assert facts["certificate"]["trusted"] and not lists.asked
        # Who is not trusted cannot send us anywhere.
        stranger = directory / "stranger.pem"
        stranger.write_bytes(badchains.pem(badchains.Authority("badchains stranger").cert))
        facts = check(stranger, cases[0], shows.ports["listed"])
        assert not facts["certificate"]["trusted"] and not lists.asked
    finally:
        shows.stop()
