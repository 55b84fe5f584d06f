# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""Readers of the server's logs: JSON lines of events and exchanges, whole text for greps."""

import json
import pathlib

from .wait import wait_for


def _matches(row, fields):
    return all((v(row.get(k)) if callable(v) else row.get(k) == v) for k, v in fields.items())


class JsonLog:
    """The JSON lines of a file that other processes append to; lines that are not JSON are left out."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def text(self):
        return self.path.read_text(errors="replace") if self.path.exists() else ""

    def rows(self):
        rows = []
        for line in self.text().split("\n")[:-1]:
            if line.startswith("{"):
                try:
                    rows.append(json.loads(line))
                except ValueError:
                    pass
        return rows

    def find(self, **fields):
        """Rows whose fields are equal to these, or satisfy them where a function is given."""
        return [row for row in self.rows() if _matches(row, fields)]

    def wait(self, count=1, timeout=10, **fields):
        """The count-th row that fits, as soon as it is there."""
        rows = wait_for(lambda: (lambda r: r if len(r) >= count else None)(self.find(**fields)),
                        f"{count} line(s) {fields} in {self.path}", timeout, lambda: self.text()[-3000:])
        return rows[count - 1]


class EventLog(JsonLog):
    """The event log: wait("reloaded", site=...)."""

    def find(self, event=None, **fields):
        return super().find(**(fields | ({"event": event} if event else {})))

    def wait(self, event=None, count=1, timeout=10, **fields):
        return super().wait(count=count, timeout=timeout, **(fields | ({"event": event} if event else {})))


class AccessLog(JsonLog):
    """The access log in its JSON form: wait(target="/", status=200)."""
