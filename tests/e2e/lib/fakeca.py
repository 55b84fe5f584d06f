# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""A certificate authority (RFC 8555, 8737, 8738, 9773, profiles) that follows the rules by itself and breaks them on order.

    ca.on("newOrder", fail("rateLimited", retry_after=120), times=1)

Steps: directory newNonce newAccount account keyChange newOrder order authz challenge finalize certificate revokeCert
renewalInfo, "*" for all with a JWS. Actions are in cascript.py. It validates for real over loopback, issues under its own
clock, and .log has every request.
"""

import collections
import datetime
import email.utils
import http.server
import json
import pathlib
import secrets
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import time

from cryptography import x509

from . import castore, validate
from .cascript import Reply, document, problem, window
from .certs import Certs
from .jose import Bad, Jws, public_key, thumbprint, unb64
from .ports import Ports

BODY_MAX = 1 << 20
DAY = 86400

Seen = collections.namedtuple("Seen", "step path payload account status problem at agent")


class Call:
    """One request: .step, .id (of the object its path names), .payload, .account, .ca."""

    def __init__(self, ca, step, ident, method, path):
        self.ca, self.step, self.id, self.method, self.path = ca, step, ident, method, path
        self.jws = self.payload = self.account = None
        self.agent = ""


class Thing:
    """A record of the CA's: an account, order, authorization, challenge or certificate."""

    def __init__(self, **values):
        self.__dict__.update(values)


class Rule:
    def __init__(self, step, action, times, when):
        self.step, self.action, self.times, self.when = step, action, times, when

    def fits(self, call):
        if self.step != call.step and not (self.step == "*" and call.jws):
            return False
        return (self.times is None or self.times > 0) and (not self.when or self.when(call))


class FakeCa:
    """ari: has renewalInfo. profiles: {name: text}. eab: {kid: base64url key}, then required. lifetime: seconds of a
    certificate. clock: lib.clock.Clock. validating: connects for http-01 and tls-alpn-01; else believes. challenges: the
    types it offers. reuse: valid authorizations serve later orders too. roots: more than one gives alternate chains.
    processing: polls of the order that say "processing" after finalize."""

    def __init__(self, place, clock=None, ari=True, profiles=None, eab=None, lifetime=90 * DAY, validating=True,
                 challenges=("http-01", "tls-alpn-01", "dns-01"), reuse=False, roots=1, processing=0, backdate=0):
        self.place = pathlib.Path(place)
        self.place.mkdir(exist_ok=True, mode=0o755)
        self.clock, self.ari, self.profiles, self.eab, self.lifetime = clock, ari, profiles or {}, eab or {}, lifetime
        self.validating, self.challenges, self.reuse, self.backdate = validating, list(challenges), reuse, backdate
        self.processing, self.processing_retry_after, self.poll_retry_after, self.order_life = processing, None, None, 7 * DAY
        self.agreed_terms = "https://ca.invalid/terms/1"
        self.issue_as = {}  # what certificates get instead: identifiers, public_key, begin, end, ca
        self.verdict = None  # function (identifier, type): None, or (error, detail) before anything is looked at
        self.signer = castore.Signer(roots)
        self.root = self.place / "scripted-root.pem"
        self.root.write_bytes(self.signer.root_pem())
        made = Certs(self.place / "api")
        self.ca_file, self.pair = made.root, made.leaf("localhost", "127.0.0.1")
        self.server_ports = Ports(2)  # https, http of the server under test
        self.rules, self.log, self.troubles = [], [], []
        self.nonces = set()
        self.accounts, self.orders, self.authzs, self.chals, self.certs = {}, {}, {}, {}, {}
        self.by_key, self.replaced, self.revoked = {}, {}, {}
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.http = None
        self.up()

    # ---- life ----

    def up(self, port=0):
        """Listens (again, at the old address)."""
        ca = self
        port = port or (self.port if self.http else 0)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 120

            def setup(self):
                self.request = ca.context.wrap_socket(self.request, server_side=True)
                ca.links.add(self.request)
                super().setup()

            def log_message(self, *_):
                pass

            def do_GET(self):
                ca.handle(self)
            do_HEAD = do_POST = do_GET

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                error = sys.exc_info()[1]
                if not isinstance(error, (OSError, EOFError)):
                    ca.troubles.append(repr(error))

        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.pair.cert, self.pair.key)
        self.links = set()
        self.http = Listener(("127.0.0.1", port), Handler)
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        return self

    def down(self):
        """Nobody listens any more, and connections are reset."""
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(10)
        for link in list(self.links):
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.down()
        self.server_ports.release()

    # ---- for scenarios ----

    @property
    def base(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def directory(self):
        return self.base + "/directory"

    def now(self):
        return self.clock.now() if self.clock else time.time()

    def datetime(self):
        return datetime.datetime.fromtimestamp(self.now(), datetime.timezone.utc)

    def on(self, step, action, times=None, when=None):
        """From now on (times: that often) requests of the step get the action; the newest rule that fits is taken."""
        with self.lock:
            rule = Rule(step, action, times, when)
            self.rules.insert(0, rule)
            return rule

    def off(self, *rules):
        """Takes rules back, all of them without arguments."""
        with self.lock:
            self.rules = [r for r in self.rules if rules and r not in rules]

    def seen(self, step=None, **fields):
        with self.lock:
            return [s for s in self.log if step in (None, s.step) and all(getattr(s, k) == v for k, v in fields.items())]

    def count(self, step, **fields):
        return len(self.seen(step, **fields))

    def wait(self, step, count=1, timeout=20, **fields):
        """The count-th such request, answered."""
        with self.changed:
            ok = self.changed.wait_for(lambda: self.count(step, **fields) >= count, timeout)
            assert ok, f"waited {timeout} s for {count} {step} {fields}; saw {[(s.step, s.status, s.problem) for s in self.log]}"
            return self.seen(step, **fields)[count - 1]

    def forget_accounts(self):
        """As a CA that was set up anew."""
        with self.lock:
            self.accounts.clear()
            self.by_key.clear()

    def serials(self):
        """Of all that was issued, oldest first."""
        return [c.x509.serial_number for c in self.certs.values()]

    # ---- HTTP ----

    ROUTES = {"directory": "directory", "nonce": "newNonce", "new-account": "newAccount", "acct": "account",
              "key-change": "keyChange", "new-order": "newOrder", "order": "order", "authz": "authz", "chall": "challenge",
              "finalize": "finalize", "cert": "certificate", "revoke": "revokeCert", "renewal-info": "renewalInfo"}
    OPEN = ("directory", "newNonce", "renewalInfo")

    def handle(self, handler):
        words = handler.path.strip("/").split("/")
        step = self.ROUTES.get(words[0], "unknown")
        call = Call(self, step, words[1] if len(words) > 1 else "", handler.command, handler.path)
        call.agent = handler.headers.get("User-Agent", "")
        body = handler.rfile.read(min(int(handler.headers.get("Content-Length", 0)), BODY_MAX))
        try:
            reply = self._answer(call, handler, body)
        except Exception as e:  # pylint: disable=broad-except  a mistake here must not pass for the CA's behaviour
            self.troubles.append(repr(e))
            raise
        if reply is None:
            self._note(call, None)
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(handler, call, reply)

    def _send(self, handler, call, reply):
        fields = [("Content-Type", reply.kind), ("Content-Length", str(len(reply.body))),
                  ("Date", email.utils.format_datetime(self.datetime(), usegmt=True)), ("Cache-Control", "no-store")]
        if call.step == "newNonce" or call.method == "POST":
            fields.append(("Replay-Nonce", self._nonce()))
        if call.step != "directory":
            fields.append(("Link", f'<{self.directory}>;rel="index"'))
        handler.send_response_only(reply.status)
        for name, value in fields + reply.fields:
            handler.send_header(name, value)
        handler.end_headers()
        if call.method != "HEAD":
            handler.wfile.write(reply.body)
        handler.wfile.flush()
        self._note(call, reply)

    def _note(self, call, reply):
        account = call.account.id if call.account else None
        with self.changed:
            self.log.append(Seen(call.step, call.path, call.payload, account, reply.status if reply else 0,
                                 reply.problem if reply else None, self.now(), call.agent))
            self.changed.notify_all()

    def _nonce(self):
        nonce = secrets.token_urlsafe(16)
        with self.lock:
            self.nonces.add(nonce)
        return nonce

    def _answer(self, call, handler, body):
        try:
            if call.step == "unknown":
                raise Bad("malformed", "no such page")
            if not call.agent:
                raise Bad("malformed", "a User-Agent is a must (RFC 8555 6.1)")
            if call.step not in self.OPEN:
                self._read(call, handler, body)
            elif call.method not in ("GET", "HEAD"):
                raise Bad("malformed", f"{call.method} of {call.step}")
            with self.lock:
                rule = next((r for r in self.rules if r.fits(call)), None)
                if rule and rule.times is not None:
                    rule.times -= 1
            if rule:
                return rule.action(call, lambda: self._proceed(call))
            return self._proceed(call)
        except Bad as e:
            return problem(e.type, e.detail)

    def _proceed(self, call):
        try:
            return getattr(self, f"_do_{call.step}")(call)
        except Bad as e:
            return problem(e.type, e.detail)

    def _read(self, call, handler, body):
        """RFC 8555 6.2 to 6.5: everything that every request must be."""
        if call.method != "POST":
            raise Bad("malformed", f"{call.method} of {call.step}: POST-as-GET is asked for")
        if handler.headers.get("Content-Type") != "application/jose+json":
            raise Bad("malformed", f"Content-Type {handler.headers.get('Content-Type')}")
        call.jws = jws = Jws(body)
        call.payload, head = jws.payload, jws.protected
        if head.get("url") != self.base + call.path:
            raise Bad("unauthorized", f"url {head.get('url')} in a request for {call.path}")
        if ("jwk" in head) == ("kid" in head):
            raise Bad("malformed", "exactly one of jwk and kid")
        with self.lock:
            fresh = head.get("nonce") in self.nonces
            self.nonces.discard(head.get("nonce"))
        if not fresh:
            raise Bad("badNonce", f"nonce {head.get('nonce')}")
        if "jwk" in head:
            if call.step not in ("newAccount", "revokeCert"):
                raise Bad("malformed", f"{call.step} wants kid")
            jws.check(head["jwk"])
            return
        call.account = self.accounts.get(head["kid"].rpartition("/")[2])
        if not call.account:
            raise Bad("accountDoesNotExist", f"no account {head['kid']}")
        if call.step == "newAccount":
            raise Bad("malformed", "newAccount wants jwk")
        jws.check(call.account.jwk)
        if call.account.status != "valid":
            raise Bad("unauthorized", f"the account is {call.account.status}")

    # ---- directory, accounts ----

    def _do_directory(self, _):
        paths = {"newNonce": "nonce", "newAccount": "new-account", "newOrder": "new-order", "revokeCert": "revoke",
                 "keyChange": "key-change"}
        text = {name: f"{self.base}/{path}" for name, path in paths.items()}
        if self.ari:
            text["renewalInfo"] = self.base + "/renewal-info"
        text["meta"] = {"termsOfService": self.agreed_terms, "caaIdentities": ["ca.invalid"],
                        "externalAccountRequired": bool(self.eab)}
        if self.profiles:
            text["meta"]["profiles"] = self.profiles
        return Reply(200, text)

    def _do_newNonce(self, call):
        return Reply(200 if call.method == "HEAD" else 204)

    def _told(self, account, status=200):
        text = {"status": account.status, "contact": account.contact, "orders": f"{self.base}/acct/{account.id}/orders"}
        return Reply(status, text, [("Location", f"{self.base}/acct/{account.id}")])

    def _do_newAccount(self, call):
        jwk, want = call.jws.protected["jwk"], call.payload or {}
        with self.lock:
            account = self.by_key.get(thumbprint(jwk))
            if account:
                return self._told(account)
            if want.get("onlyReturnExisting"):
                raise Bad("accountDoesNotExist", "no account has this key")
            if not want.get("termsOfServiceAgreed"):
                raise Bad("userActionRequired", "the terms of service must be agreed to")
            if self.eab:
                self._bound(want.get("externalAccountBinding"), jwk)
            account = Thing(id=secrets.token_hex(4), jwk=jwk, contact=want.get("contact", []), status="valid")
            self.accounts[account.id] = self.by_key[thumbprint(jwk)] = account
            return self._told(account, 201)

    def _bound(self, binding, jwk):
        """RFC 8555 7.3.4"""
        if not binding:
            raise Bad("externalAccountRequired", "an external account binding is required")
        inner = Jws(json.dumps(binding))
        head = inner.protected
        if head.get("kid") not in self.eab:
            raise Bad("unauthorized", f"no such external account: {head.get('kid')}")
        if head.get("url") != self.base + "/new-account" or "nonce" in head or inner.payload != jwk:
            raise Bad("malformed", "the binding is for something else")
        inner.check_mac(unb64(self.eab[head["kid"]]))

    def _do_account(self, call):
        want = call.payload or {}
        if call.id != call.account.id:
            raise Bad("unauthorized", "another account's")
        if want.get("status") == "deactivated":
            call.account.status = "deactivated"
        if "contact" in want:
            call.account.contact = want["contact"]
        return self._told(call.account)

    def _do_keyChange(self, call):
        """RFC 8555 7.3.5"""
        inner = Jws(json.dumps(call.payload))
        jwk = inner.protected.get("jwk")
        inner.check(jwk)
        account = call.account
        good = {"account": f"{self.base}/acct/{account.id}", "oldKey": account.jwk}
        if inner.payload != good or inner.protected.get("url") != call.jws.protected["url"] or "nonce" in inner.protected:
            raise Bad("malformed", "the inner JWS is not about this account")
        with self.lock:
            if thumbprint(jwk) in self.by_key:
                return problem("conflict", "the key has an account", 409,
                               [("Location", f"{self.base}/acct/{self.by_key[thumbprint(jwk)].id}")])
            self.by_key[thumbprint(jwk)] = self.by_key.pop(thumbprint(account.jwk))
            account.jwk = jwk
        return self._told(account)

    # ---- orders ----

    def _do_newOrder(self, call):
        want = call.payload or {}
        names = [(n["type"], n["value"].lower()) for n in want.get("identifiers", [])]
        if not names or len(set(names)) != len(names):
            raise Bad("malformed", f"identifiers {names}")
        profile, replaces = want.get("profile"), want.get("replaces")
        if profile is not None and profile not in self.profiles:
            raise Bad("invalidProfile", f"no profile {profile}")
        with self.lock:
            if replaces is not None:
                self._replaceable(replaces, call.account, names)
            order = Thing(id=secrets.token_hex(6), account=call.account, names=names, profile=profile, replaces=replaces,
                          status="pending", expires=self.now() + self.order_life, error=None, cert=None, polls=0, authzs=[])
            order.authzs = [self._authz(call.account, *n) for n in names]
            self.orders[order.id] = order
        return self._shown(order, 201)

    def _replaceable(self, ident, account, names):
        old = next((c for c in self.certs.values() if castore.certificate_id(c.x509) == ident), None)
        if not old:
            raise Bad("malformed", f"replaces {ident}: never issued")
        if old.account is not account:
            raise Bad("unauthorized", "replaces a certificate of another account")
        if ident in self.replaced:
            raise Bad("alreadyReplaced", f"{ident} was replaced already")
        if not set(names) & set(old.names):
            raise Bad("malformed", "replaces a certificate without a common name")

    def _authz(self, account, kind, value):
        wild = value.startswith("*.")
        for old in self.authzs.values():
            if self.reuse and (old.account, old.kind, old.value, old.wild) == (account, kind, value[2:] if wild else value, wild):
                if old.status == "valid" and old.expires > self.now():
                    return old
        authz = Thing(id=secrets.token_hex(6), account=account, kind=kind, value=value[2:] if wild else value, wild=wild,
                      status="pending", expires=self.now() + 7 * DAY, challenges=[])
        types = [t for t in self.challenges if t == "dns-01" or not wild]
        types = [t for t in types if t != "dns-01" or kind == "dns"]
        for name in types:
            chal = Thing(id=secrets.token_hex(6), authz=authz, type=name, status="pending", token=secrets.token_urlsafe(24),
                         error=None, validated=None)
            self.chals[chal.id] = chal
            authz.challenges.append(chal)
        self.authzs[authz.id] = authz
        return authz

    def _look(self, order):
        """The order's status as it follows from its authorizations and the clock."""
        if order.status in ("pending", "ready") and order.expires <= self.now():
            order.status, order.error = "invalid", document("malformed", "the order has expired")
        if order.status == "pending":
            states = {a.status for a in order.authzs}
            if states & {"invalid", "deactivated", "expired", "revoked"}:
                order.status = "invalid"
                order.error = next((c.error for a in order.authzs for c in a.challenges if c.error), None)
            elif states == {"valid"}:
                order.status = "ready"
        if order.status == "processing" and order.polls <= 0:
            self._issue(order)

    def _shown(self, order, status=200):
        text = {"status": order.status, "expires": _stamp(order.expires), "finalize": f"{self.base}/finalize/{order.id}",
                "identifiers": [{"type": k, "value": v} for k, v in order.names],
                "authorizations": [f"{self.base}/authz/{a.id}" for a in order.authzs]}
        for name in ("profile", "replaces", "error"):
            if getattr(order, name):
                text[name] = getattr(order, name)
        if order.cert:
            text["certificate"] = f"{self.base}/cert/{order.cert.id}"
        fields = [("Location", f"{self.base}/order/{order.id}")]
        if order.status == "processing" and self.processing_retry_after is not None:
            fields.append(("Retry-After", str(self.processing_retry_after)))
        return Reply(status, text, fields)

    def _own(self, call, things):
        thing = things.get(call.id)
        if not thing:
            reply = Bad("malformed", f"no such {call.step}")
            raise reply
        account = thing.authz.account if call.step == "challenge" else thing.account
        if account is not call.account:
            raise Bad("unauthorized", "another account's")
        return thing

    def _do_order(self, call):
        with self.lock:
            order = self._own(call, self.orders)
            if order.status == "processing":
                order.polls -= 1
            self._look(order)
            return self._shown(order)

    def _do_authz(self, call):
        with self.lock:
            authz = self._own(call, self.authzs)
            if (call.payload or {}).get("status") == "deactivated":
                authz.status = "deactivated"
            text = {"status": authz.status, "expires": _stamp(authz.expires),
                    "identifier": {"type": authz.kind, "value": authz.value},
                    "challenges": [self._challenge(c) for c in authz.challenges
                                   if authz.status == "pending" or c.validated or c.error]}
            if authz.wild:
                text["wildcard"] = True
            wait = [("Retry-After", str(self.poll_retry_after))] if self.poll_retry_after else []
            return Reply(200, text, wait if authz.status == "pending" else [])

    def _challenge(self, chal):
        text = {"type": chal.type, "url": f"{self.base}/chall/{chal.id}", "status": chal.status, "token": chal.token}
        if chal.error:
            text["error"] = chal.error
        if chal.validated:
            text["validated"] = _stamp(chal.validated)
        return text

    def _do_challenge(self, call):
        chal = self._own(call, self.chals)
        if call.payload is not None and chal.status == "pending" and chal.authz.status == "pending":
            if call.payload != {}:
                raise Bad("malformed", "a challenge is answered with {}")
            chal.status = "processing"
            threading.Thread(target=self._validate, args=(chal,), daemon=True).start()
        return Reply(200, self._challenge(chal), [("Link", f'<{self.base}/authz/{chal.authz.id}>;rel="up"')])

    def _validate(self, chal):
        authz = chal.authz
        shown = "*." + authz.value if authz.wild else authz.value
        expected = f"{chal.token}.{thumbprint(authz.account.jwk)}"
        wrong = self.verdict(shown, chal.type) if self.verdict else None
        https, plain = self.server_ports.numbers
        if not wrong and self.validating and chal.type == "http-01":
            wrong = validate.http01(plain, authz.value, chal.token, expected)
        if not wrong and self.validating and chal.type == "tls-alpn-01":
            wrong = validate.alpn01(https, authz.value, expected)
        with self.lock:
            chal.status = authz.status = "invalid" if wrong else "valid"
            if wrong:
                chal.error = document(wrong[0], wrong[1], status=403, identifier={"type": authz.kind, "value": authz.value})
            else:
                chal.validated = self.now()

    def _do_finalize(self, call):
        with self.lock:
            order = self._own(call, self.orders)
            self._look(order)
            if order.status != "ready":
                raise Bad("orderNotReady", f"the order is {order.status}")
            order.csr = castore.read_csr(unb64((call.payload or {}).get("csr")), order.names)
            order.status, order.polls = "processing", self.processing
            if not order.polls:
                self._look(order)
            return self._shown(order)

    def _issue(self, order):
        begin = self.issue_as.get("begin", self.now() - self.backdate)
        end = self.issue_as.get("end", self.now() + self.lifetime - 1)
        leaf = self.signer.leaf(self.issue_as.get("public_key") or order.csr.public_key(),
                                self.issue_as.get("identifiers", order.names), begin, end, self.issue_as.get("ca", False))
        order.cert = Thing(id=secrets.token_hex(6), account=order.account, x509=leaf, names=order.names, profile=order.profile)
        order.status = "valid"
        self.certs[order.cert.id] = order.cert
        if order.replaces:
            self.replaced[order.replaces] = leaf.serial_number

    # ---- certificates ----

    def _do_certificate(self, call):
        cert = self._own(call, self.certs)
        number = int(call.path.strip("/").split("/")[2]) if call.path.strip("/").count("/") > 1 else 0
        links = [("Link", f'<{self.base}/cert/{cert.id}/{i}>;rel="alternate"')
                 for i in range(len(self.signer.roots)) if i != number]
        return Reply(200, self.signer.chain(cert.x509, number), links, "application/pem-certificate-chain")

    def _do_revokeCert(self, call):
        """RFC 8555 7.6"""
        want = call.payload or {}
        leaf = x509.load_der_x509_certificate(unb64(want.get("certificate")))
        known = next((c for c in self.certs.values() if c.x509 == leaf), None)
        if not known:
            raise Bad("malformed", "never issued here")
        if call.account is None:
            if public_key(call.jws.protected["jwk"]).public_numbers() != leaf.public_key().public_numbers():
                raise Bad("unauthorized", "signed by another key than the certificate's")
        elif known.account is not call.account:
            raise Bad("unauthorized", "another account's certificate")
        if leaf.serial_number in self.revoked:
            raise Bad("alreadyRevoked", "revoked already")
        if want.get("reason", 0) not in (0, 1, 3, 4, 5):
            raise Bad("badRevocationReason", f"reason {want.get('reason')}")
        self.revoked[leaf.serial_number] = want.get("reason", 0)
        return Reply(200)

    def _do_renewalInfo(self, call):
        """RFC 9773 4.2: two percent of the life around two thirds of it."""
        cert = next((c.x509 for c in self.certs.values() if castore.certificate_id(c.x509) == call.id), None)
        if not cert:
            return problem("malformed", f"no certificate {call.id}", 404)
        begin, end = (t.replace(tzinfo=datetime.timezone.utc).timestamp() for t in (cert.not_valid_before, cert.not_valid_after))
        if cert.serial_number in self.revoked:
            return window(self.now() - 3600, self.now() - 1800)(call, None)
        middle, width = begin + (end - begin) * 2 / 3, (end - begin) / 50
        return window(middle - width / 2, middle + width / 2)(call, None)


def _stamp(at):
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def running_fake(**options):
    """A scripted CA in a directory of its own; stop_fake ends it."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="port443-fakeca-"))
    place.chmod(0o755)
    return FakeCa(place, **options)


def stop_fake(ca):
    ca.stop()
    shutil.rmtree(ca.place, ignore_errors=True)
    assert not ca.troubles, ca.troubles
