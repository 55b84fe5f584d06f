# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""What a scenario can make the scripted CA do instead of, before or after its ordinary work.

An action is a function (call, proceed): call is the request as fakeca.py has read it, proceed() does the ordinary work and
gives its Reply. Its result is sent; None cuts the connection without an answer.
"""

import datetime
import email.utils
import json
import threading

from .wait import PATIENCE

URN = "urn:ietf:params:acme:error:"
STATUS = {"rateLimited": 429, "userActionRequired": 403, "unauthorized": 403, "serverInternal": 500, "alreadyReplaced": 409,
          "caa": 403, "rejectedIdentifier": 403, "orderNotReady": 403}


class Reply:
    """status, body, and fields [(name, value)]."""

    def __init__(self, status, body=b"", fields=(), kind="application/json"):
        self.status, self.kind, self.fields = status, kind, list(fields)
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.problem = None

    def field(self, name):
        return next((v for n, v in self.fields if n.lower() == name.lower()), None)


def document(kind, detail="", sub=(), identifier=None, **more):
    """A problem document as a dict. sub: [(identifier value, type, detail)]."""
    text = {"type": URN + kind, "detail": detail or f"scripted {kind}", **more}
    if identifier:
        text["identifier"] = identifier
    if sub:
        text["subproblems"] = [document(k, d, identifier={"type": "dns", "value": v}) for v, k, d in sub]
    return text


def problem(kind, detail="", status=None, fields=(), sub=(), **more):
    status = status or STATUS.get(kind, 400)
    reply = Reply(status, document(kind, detail, sub, status=status, **more), fields, "application/problem+json")
    reply.problem = kind
    return reply


def later(seconds, as_date=False, now=None):
    """The Retry-After field, in seconds or as a date."""
    if not as_date:
        return [("Retry-After", str(int(seconds)))]
    at = (now or datetime.datetime.now(datetime.timezone.utc)) + datetime.timedelta(seconds=seconds)
    return [("Retry-After", email.utils.format_datetime(at, usegmt=True))]


def fail(kind, detail="", status=None, retry_after=None, as_date=False, sub=(), fields=(), **more):
    """Answers with a problem document."""
    def action(call, _):
        wait = [] if retry_after is None else later(retry_after, as_date, call.ca.datetime())
        return problem(kind, detail, status, [*wait, *fields], sub, **more)
    return action


def plain(status, body=b"<html>try later</html>", kind="text/html", retry_after=None, as_date=False):
    """Answers as a load balancer in front of the CA does: no problem document."""
    def action(call, _):
        return Reply(status, body, [] if retry_after is None else later(retry_after, as_date, call.ca.datetime()), kind)
    return action


def answer(body, status=200, fields=(), kind="application/json"):
    """Answers with this body, whatever was asked."""
    return lambda call, proceed: Reply(status, body, fields, kind)


def changed(change):
    """The ordinary answer, its body changed by a function of bytes."""
    def action(_, proceed):
        reply = proceed()
        reply.body = change(reply.body)
        return reply
    return action


def cut_before(call, proceed):
    """The connection ends; nothing was done."""
    del call, proceed


def cut_after(call, proceed):
    """The work is done, the answer gets lost."""
    del call
    proceed()


class Hold:
    """Withholds an answer: .arrived is set when the work is done (after=False: before it), release() lets it go, cut()
    drops it."""

    def __init__(self, after=True):
        self.after, self.lost = after, False
        self.arrived, self.released = threading.Event(), threading.Event()

    def __call__(self, call, proceed):
        reply = proceed() if self.after else None
        self.arrived.set()
        assert self.released.wait(60 * PATIENCE), "the scenario never released the answer"
        if self.lost:
            return None
        return reply if self.after else proceed()

    def wait(self, timeout=20):
        assert self.arrived.wait(timeout * PATIENCE), "the request that is to be held never came"

    def release(self):
        self.released.set()

    def cut(self):
        self.lost = True
        self.released.set()


def window(begin, end, retry_after=21600, explanation=None):
    """A renewalInfo document; times in seconds since 1970, or texts as they are."""
    def text(at):
        if isinstance(at, str):
            return at
        return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"suggestedWindow": {"start": text(begin), "end": text(end)}}
    if explanation:
        body["explanationURL"] = explanation
    return answer(body, fields=[] if retry_after is None else later(retry_after))
