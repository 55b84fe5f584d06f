# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""WebSocket and other upgrades: a tunnel only behind the upstream's 101, never before."""

import asyncio
import os
import ssl
import threading

import pytest
from lib.wait import wait_for

websockets = pytest.importorskip("websockets")

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
           ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


class EchoServer:
    """python3-websockets in a thread of its own. /NAME chooses what it does."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.closed = []
        self.headers = []
        self.server = None
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.ready.wait(10)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _serve(self, ws, path):
        self.headers.append(dict(ws.request_headers))
        if path == "/close":
            await ws.close(4001, "enough")
            return
        try:
            async for message in ws:
                await ws.send(message)
        except websockets.ConnectionClosed:
            pass
        self.closed.append((ws.close_code, ws.close_reason))

    def _run(self):
        asyncio.set_event_loop(self.loop)

        async def listen():
            self.server = await websockets.serve(self._serve, "127.0.0.1", 0, max_size=1 << 25, compression=None)
            self.ready.set()
        self.loop.run_until_complete(listen())
        self.loop.run_forever()

    def stop(self):
        async def end():
            self.server.close()
            await self.server.wait_closed()
            self.loop.stop()
        asyncio.run_coroutine_threadsafe(end(), self.loop)
        self.thread.join(10)


@pytest.fixture(name="echo_server")
def fixture_echo_server():
    made = EchoServer()
    yield made
    made.stop()


def talk(s, path, conversation):
    """Runs the coroutine function with a client that is connected through the server."""
    context = ssl.create_default_context(cafile=str(s.root))

    async def run():
        async with websockets.connect(f"wss://localhost:{s.https_port}{path}", ssl=context, host="127.0.0.1",
                                      server_hostname="localhost", max_size=1 << 25, open_timeout=10) as ws:
            return await asyncio.wait_for(conversation(ws), 30)
    return asyncio.run(run())


def test_echo_and_big_messages(server, echo_server):
    s = server([f"localhost={echo_server.port}"])

    async def conversation(ws):
        for message in ("hello", "", "ü" * 1000, os.urandom(70000), os.urandom(5 << 20)):
            await ws.send(message)
            assert await ws.recv() == message
        await asyncio.gather(*(ws.send(str(i)) for i in range(200)))
        assert [await ws.recv() for _ in range(200)] == [str(i) for i in range(200)]
        await (await ws.ping())
    talk(s, "/x?y=1", conversation)
    row = s.access.wait(target="/x?y=1")
    assert row["status"] == 101 and row["bytes_out"] > 5 << 20 and row["bytes_in"] > 5 << 20
    (headers,) = echo_server.headers
    told = {k.lower(): v for k, v in headers.items()}
    assert told["upgrade"] == "websocket" and told["connection"].lower() == "upgrade"
    assert told["x-forwarded-proto"] == "https" and told["x-forwarded-for"] == "127.0.0.1"


def test_close_handshake_from_both_sides(server, echo_server):
    s = server([f"localhost={echo_server.port}"])

    async def client_closes(ws):
        await ws.close(4000, "bye")
    talk(s, "/", client_closes)
    wait_for(lambda: echo_server.closed == [(4000, "bye")], "the close frame at the upstream", 5)

    async def upstream_closes(ws):
        with pytest.raises(websockets.ConnectionClosed):
            await ws.recv()
        return ws.close_code, ws.close_reason
    assert talk(s, "/close", upstream_closes) == (4001, "enough")


def upgraded(s, path="/", fields=()):
    link = s.tls()
    link.request(path, fields=[*UPGRADE, *fields])
    return link


def test_half_close_passes_each_way(server, upstream):
    closed = threading.Event()  # Python's unwrap() takes data that comes meanwhile for an error

    def script(call):
        call.read_head()
        call.send(SWITCH)
        told = call.reader.rest()  # to the client's end
        assert closed.wait(10)
        call.send(b"you said " + told)
    s = server([f"localhost={upstream(script).url}"])
    link = upgraded(s)
    assert link.response().status == 101
    link.send("all of it")
    link.sock.settimeout(0)
    with pytest.raises(ssl.SSLWantReadError):
        link.sock.unwrap()  # our close_notify, and no wait for the other one
    closed.set()
    link.sock.settimeout(10)
    assert link.reader.exactly(18) == b"you said all of it"


def test_end_of_the_upstream_ends_the_client(server, upstream):
    def script(call):
        call.read_head()
        call.send(SWITCH + "last words")
    s = server([f"localhost={upstream(script).url}"])
    link = upgraded(s)
    assert link.response().status == 101
    assert link.reader.rest() == b"last words"


def test_end_of_the_client_ends_the_upstream(server, upstream):
    ended = threading.Event()

    def script(call):
        call.read_head()
        call.send(SWITCH)
        try:
            call.reader.rest()
        finally:
            ended.set()
    s = server([f"localhost={upstream(script).url}"])
    link = upgraded(s)
    assert link.response().status == 101
    link.reset()
    assert ended.wait(5)


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "426 Upgrade Required"])
def test_no_tunnel_without_101(server, upstream, status):
    """Bytes pipelined behind the Upgrade stay requests: they are parsed, matched and framed as such."""
    def script(call):
        while head := call.read_head():
            if head[1] == "/ws":
                call.answer("no", status)
            else:
                call.answer(f"request {head[1]} {head[2].get('x-evil', '')}")
    app = upstream(script)
    s = server(f"""
sites:
  localhost:
    routes:
      - {{path: /admin, return: 403}}
      - {{path: /, proxy: "{app.url}"}}
""")
    link = s.tls()
    link.request("/ws", fields=UPGRADE)
    link.send("GET /admin HTTP/1.1\r\nHost: localhost\r\n\r\nGET /next HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = link.response()
    assert (answer.status, answer.text) == (int(status[:3]), "no")
    assert "upgrade" not in answer.headers or status.startswith("426")
    if "close" not in answer.headers.get("connection", ""):
        assert link.response().status == 403
        assert link.response().text == "request /next "
    assert [t for _, t, _ in app.requests if t == "/admin"] == []


def test_bytes_behind_the_upgrade_wait_for_the_101(server, upstream):
    """Nothing that follows the request may reach the upstream before it has switched."""
    go = threading.Event()

    def script(call):
        call.read_head()
        call.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            call.reader.exactly(1)
        call.sock.settimeout(10)
        go.set()
        call.send(SWITCH)
        call.send(b"got " + call.reader.exactly(5))
    s = server([f"localhost={upstream(script).url}"])
    link = s.tls()
    head = "".join(f"{k}: {v}\r\n" for k, v in UPGRADE)
    link.send(f"GET / HTTP/1.1\r\nHost: localhost\r\n{head}\r\nearly")
    assert link.response().status == 101 and go.is_set()
    assert link.reader.exactly(9) == b"got early"


@pytest.mark.parametrize("token", ["h2c", "HTTP/2.0", "TLS/1.0", "h2c, h2"])
def test_upgrades_that_smuggle_are_not_passed_on(server, upstream, token):
    app = upstream()
    s = server([f"localhost={app.url}"])
    answer = s.tls().get(fields=[("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", token),
                                 ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")])
    assert answer.status == 200
    fields = app.requests[-1][2]
    assert "upgrade" not in fields and "connection" not in fields and "http2-settings" not in fields


def test_switch_to_something_else_is_a_502(server, upstream):
    app = upstream(lambda call: call.read_head() and call.send(SWITCH.replace("websocket", "h2c")))
    s = server([f"localhost={app.url}"])
    assert upgraded(s).response().status == 502
    assert "not asked for" in s.access.wait(status=502)["reason"]


def test_no_upgrade_with_a_body_or_on_http10(server, upstream):
    app = upstream()
    s = server([f"localhost={app.url}"])
    link = s.tls()
    assert link.get("/", method="POST", fields=UPGRADE, body=b"abc").json()["body"] == "abc"
    assert "upgrade" not in app.requests[-1][2]
    old = s.tls()
    old.send("GET / HTTP/1.0\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert old.response().status == 200
    assert "upgrade" not in app.requests[-1][2]


def test_tunnel_survives_reloads_and_the_answer_timeout(server, upstream):
    def script(call):
        call.read_head()
        call.send(SWITCH)
        while data := call.sock.recv(100):
            call.send(data)
    app = upstream(script)
    config = f'sites: {{localhost: {{proxy: {{to: "{app.url}", timeout: 150ms}}}}}}'
    s = server(config)
    link = upgraded(s)
    assert link.response().status == 101
    for i in range(3):
        s.reload(config + f"\nhsts: {i + 1}d")
        link.send(f"ping{i}")
        assert link.reader.exactly(5) == f"ping{i}".encode()
    assert app.connections == 1
