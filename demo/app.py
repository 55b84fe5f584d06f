#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""The application behind the demo's proxy: a second process that says what reached it.

GET  /app/        what the application received: request line, fields, who it believes the visitor to be
POST /app/echo    the body, back
GET  /app/plain   asks the server's plain port on the visitor's behalf and returns its answer word for word

app.py HTTP_PORT HOST: listens on a port of the kernel's choice on the loopback and prints it.
"""

import http.client
import http.server
import json
import os
import signal
import sys
import threading
import time

BODY_MAX = 64 * 1024
SHOWN = ("forwarded", "host", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id")


class Application(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served = 0
    counting = threading.Lock()

    def answer(self, status, body, content_type="application/json"):
        if not isinstance(body, bytes):
            body = (json.dumps(body, indent=2) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def received(self):
        with Application.counting:
            Application.served += 1
            served = Application.served
        return {
            "process": f"python3 {os.path.basename(__file__)}, pid {os.getpid()}",
            "request": f"{self.command} {self.path} {self.request_version}",
            "served": served,
            "fields": {k: v for k, v in self.headers.items() if k.lower() in SHOWN},
            "time": time.strftime("%H:%M:%S"),
        }

    def plain_port(self):
        port, host = self.server.plain
        try:
            there = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            there.request("GET", "/?from=http", headers={"Host": host})
            r = there.getresponse()
            lines = [f"HTTP/1.1 {r.status} {r.reason}"] + [f"{k}: {v}" for k, v in r.getheaders()]
            there.close()
        except OSError as e:
            self.answer(502, {"asked": f"http://{host}/", "error": str(e)})
            return
        self.answer(200, {"asked": f"http://{host}/?from=http", "status": r.status,
                          "location": r.headers.get("Location"), "answer": "\n".join(lines)})

    def do_GET(self):
        path = self.path.split("?")[0]
        if path in ("/app", "/app/"):
            self.answer(200, self.received())
        elif path == "/app/plain":
            self.plain_port()
        else:
            self.answer(404, {"error": f"the application has no {path}"})

    do_HEAD = do_GET

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if self.path != "/app/echo" or not length.isdigit() or int(length) > BODY_MAX:
            self.close_connection = True  # the body stays unread
            self.answer(400, {"error": f"POST /app/echo takes a body of at most {BODY_MAX} bytes"})
            return
        self.answer(200, self.rfile.read(int(length)), "text/plain; charset=utf-8")

    def log_message(self, *_):
        pass  # the server in front writes the access log


class Server(http.server.ThreadingHTTPServer):
    plain = (0, "")


def main():
    if len(sys.argv) != 3 or not sys.argv[1].isdigit():
        sys.exit("usage: app.py HTTP_PORT HOST")
    server = Server(("127.0.0.1", 0), Application)
    server.plain = (int(sys.argv[1]), sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # demo/run decides when it is over
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
