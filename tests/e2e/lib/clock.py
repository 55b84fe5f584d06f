# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""The clock of the certificate engine, turned by hand (PORT443_TEST_CLOCK, src/cert/certclock.h)."""

import pathlib
import time

from .wait import wait_for

MINUTE, HOUR, DAY = 60, 3600, 86400


class Clock:
    """A number of seconds in a file, added to the wall clock of every engine that has .env in its environment."""

    def __init__(self, place, offset=0):
        self.path = pathlib.Path(place) / "clock"
        self.offset = 0
        self.turn(offset)

    @property
    def env(self):
        return {"PORT443_TEST_CLOCK": str(self.path)}

    def now(self):
        return time.time() + self.offset

    def turn(self, seconds):
        """Lets so much time pass at once."""
        self.offset += seconds
        beside = self.path.with_name("clock.new")
        beside.write_text(f"{self.offset}\n")
        beside.chmod(0o644)
        beside.rename(self.path)

    def turn_to(self, at):
        """Lets it be that time (seconds since 1970), a second later to be sure."""
        self.turn(max(0, int(at - self.now()) + 1))

    def turn_until(self, condition, what, step, most):
        """Lets time pass step by step until the condition holds; the offset that it took."""
        begin = self.offset
        while not condition():
            if self.offset - begin > most:
                raise AssertionError(f"{most} s went by without {what}")
            self.turn(step)
            _settle(condition)
        return self.offset - begin


def _settle(condition):
    """Some looks of the engine (one each 50 ms) for what the new time causes."""
    try:
        wait_for(condition, "an effect of the new time", 0.25)
    except AssertionError:
        pass
