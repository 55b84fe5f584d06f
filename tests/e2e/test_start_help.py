# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""--help of every verb: on standard output, with examples, status 0."""

import pytest

VERBS = ["serve", "status", "reload", "stop", "upgrade", "reopen", "config", "explain", "check", "cert"]


def test_help_names_every_verb(program):
    done = program("--help")
    assert done.returncode == 0 and done.stderr == ""
    for verb in VERBS:
        assert f"  {verb} " in done.stdout
    assert program("help").stdout == done.stdout


def test_no_verb(program):
    done = program()
    assert done.returncode == 64 and "usage: port443" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("verb", VERBS)
def test_help_of(program, verb):
    done = program(verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: port443 {verb}") and "example" in done.stdout
    assert program(verb, "-h").stdout == done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_unknown_option_of(program, verb):
    done = program(verb, "--no-such-thing")
    assert done.returncode == 64 and f"port443 {verb}: unknown option --no-such-thing" in done.stderr
    assert f"port443 {verb} --help" in done.stderr


def test_version(program):
    done = program("--version")
    assert done.returncode == 0 and done.stdout.startswith("port443 ")
