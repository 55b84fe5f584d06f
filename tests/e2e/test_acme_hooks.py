# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Programs that are told about certificates: JSON on standard input, a veto before an order, no power over what is served."""

import json
import sys

import pytest
from lib.acme import config, issued, leaf, row
from lib.cascript import fail
from lib.clock import DAY, Clock
from lib.fakeca import running_fake, stop_fake
from lib.wait import wait_for

NAME = "hook.example.com"
SCRIPT = """#!{python}
import json, select, sys
told = json.load(sys.stdin)
with open({log!r}, "a") as f:
    f.write(json.dumps({{"hook": {hook!r}, "told": told, "arguments": sys.argv[1:]}}) + "\\n")
print("said on output")
select.select([], [], [], {slow})
sys.exit({status})
"""


@pytest.fixture(name="clock")
def fixture_clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture(name="ca")
def fixture_ca(clock):
    ca = running_fake(clock=clock)
    yield ca
    stop_fake(ca)


class Hooks:
    def __init__(self, place):
        self.place, self.log = place, place / "hooks.log"
        self.log.touch()
        self.log.chmod(0o666)
        self.paths = {}

    def make(self, hook, status=0, slow=0):
        path = self.place / f"hook-{hook}"
        path.write_text(SCRIPT.format(python=sys.executable, log=str(self.log), hook=hook, status=status, slow=slow))
        path.chmod(0o755)
        self.paths[hook] = str(path)
        return self

    def calls(self, hook):
        rows = [json.loads(line) for line in self.log.read_text().split("\n") if line]
        return [r["told"] for r in rows if r["hook"] == hook]

    def wait(self, hook, count=1):
        return wait_for(lambda: (lambda c: c if len(c) >= count else None)(self.calls(hook)), f"hook {hook}", 20)[count - 1]


@pytest.fixture(name="hooks")
def fixture_hooks(tmp_path):
    return Hooks(tmp_path)


@pytest.fixture(name="begin")
def fixture_begin(server, ca, clock, tmp_path):
    return lambda hooks, **more: server(config(tmp_path, ca, NAME, acme={"hooks": hooks.paths | more}),
                                        ports=ca.server_ports, env=clock.env)


def test_before_and_after(begin, ca, hooks):
    s = begin(hooks.make("pre_issue").make("deployed"))
    cert = issued(s, NAME, ca.root)
    before, after = hooks.wait("pre_issue"), hooks.wait("deployed")
    assert NAME in json.dumps(before) and NAME in json.dumps(after)
    assert before["names"] == after["names"] == [NAME]
    assert f"{cert.serial_number:x}" in after["serial"].lower()
    assert after["not_after"] > after["not_before"]
    text = hooks.log.read_text()
    assert "PRIVATE" not in text


def test_veto(begin, ca, clock, hooks):
    s = begin(hooks.make("pre_issue", status=3))
    told = wait_for(lambda: row(s, NAME).get("last_error"), "the veto to be told", 20, s.events.text)
    assert "3" in told and "pre" in told
    assert not ca.count("newOrder")
    hooks.make("pre_issue")
    clock.turn(DAY)
    issued(s, NAME, ca.root)


def test_failed(begin, ca, hooks):
    ca.on("newOrder", fail("rejectedIdentifier", "policy forbids it"))
    begin(hooks.make("failed"))
    told = hooks.wait("failed")
    assert "policy forbids it" in json.dumps(told) and told["names"] == [NAME]


def test_expiring(begin, ca, clock, hooks):
    """Warned at half of the time that is left after the planned renewal, critical at a tenth of life."""
    s = begin(hooks.make("expiring"))
    issued(s, NAME, ca.root)
    s.events.wait("ari_changed")
    ca.down()
    clock.turn(70 * DAY)
    s.report()
    assert hooks.calls("expiring") == []
    clock.turn(8 * DAY)
    hooks.wait("expiring")
    assert s.events.wait("certificate_expiring", level="warning")
    clock.turn(4 * DAY)
    hooks.wait("expiring", 2)
    ca.up()


def test_failing_program_harms_nobody(begin, ca, hooks):
    """After the fact nobody has a veto: served, and the status is told."""
    s = begin(hooks.make("deployed", status=9))
    issued(s, NAME, ca.root)
    hooks.wait("deployed")
    event = s.events.wait("hook_failed")
    assert event["level"] in ("warning", "error") and "9" in json.dumps(event)
    leaf(s, NAME, ca.root)


def test_program_that_hangs(begin, ca, hooks):
    s = begin(hooks.make("deployed", slow=60), timeout="1s")
    issued(s, NAME, ca.root)
    s.events.wait("hook_failed", timeout=10)


def test_program_that_is_not_there(begin, ca, hooks):
    hooks.paths["deployed"] = str(hooks.place / "none")
    s = begin(hooks)
    issued(s, NAME, ca.root)
    s.events.wait("hook_failed")
    leaf(s, NAME, ca.root)
