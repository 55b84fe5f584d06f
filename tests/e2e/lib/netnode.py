# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""One program of netlab.py, run inside a network namespace: `python3 netnode.py server|middlebox PLACE`. Says "ready" on
its output and lives until its input ends. Knows nothing of port443.

PLACE/plan.json: what listens where. All servers are threads, so that a stuck client never blocks another.
"""

import email.utils
import json
import pathlib
import socket
import ssl
import struct
import sys
import threading

SO_ORIGINAL_DST = 80
PATIENCE_S = 30


def listen(address, port, handle):
    """Serves address:port, each connection in a thread of its own."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(64)

    def one(link):
        link.settimeout(PATIENCE_S)
        try:
            handle(link)
        except (OSError, ValueError):
            pass  # clients of these scenarios come and go as they like
        finally:
            link.close()

    def accept():
        while True:
            link, _ = listener.accept()
            threading.Thread(target=one, args=(link,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def answer(body, status="200 OK", more=""):
    return (f"HTTP/1.1 {status}\r\nDate: {email.utils.formatdate(usegmt=True)}\r\nContent-Length: {len(body)}\r\n{more}"
            "Connection: close\r\n\r\n").encode() + body


def read_head(link):
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 65536:
        more = link.recv(4096)
        if not more:
            break
        head += more
    return head


def context_of(pair, by_name=None, alerts=()):
    """by_name: {SNI: pair}; alerts: names that are refused with unrecognized_name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    others = {name: context_of(own) for name, own in (by_name or {}).items()}

    def choose(link, name, _):
        if name in alerts:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        if name in others:
            link.context = others[name]
        return None

    context.sni_callback = choose
    return context


def web(context, big):
    def handle(link):
        with context.wrap_socket(link, server_side=True) as secured:
            path = (read_head(secured).split(b" ") + [b"", b""])[1]
            secured.sendall(answer(b"x" * big if path == b"/big" else b"hello\n"))
            secured.unwrap()
    return handle


def plain(link):
    head = read_head(link)
    link.sendall(answer(b"", "204 No Content") if b"/generate_204" in head else answer(b"hello\n"))


def says(words):
    def handle(link):
        link.sendall(words)
        link.recv(4096)
    return handle


def one_packet(handle):
    """A server that takes the first packet for the whole hello, and hangs when there is more."""
    def careful(link):
        first = link.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)
        if len(first) == 5 and struct.unpack(">H", first[3:5])[0] > 1400:
            link.recv(65536)
            link.recv(65536)
        else:
            handle(link)
    return careful


def names(address, port, table):
    """A name server (UDP, A records only): {name: [addresses]}; an address for \"*\" is given for everything else."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, port))

    def serve():
        while True:
            question, peer = server.recvfrom(4096)
            at, labels = 12, []
            while at < len(question) and question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode("latin-1").lower())
                at += question[at] + 1
            kind = struct.unpack(">H", question[at + 1:at + 3])[0]
            found = table.get(".".join(labels), table.get("*"))
            records = [] if kind != 1 or not found else found
            head = question[:2] + struct.pack(">HHHHH", 0x8180 | (3 if found is None else 0), 1, len(records), 0, 0)
            body = question[12:at + 5] + b"".join(
                b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(a) for a in records)
            server.sendto(head + body, peer)

    threading.Thread(target=serve, daemon=True).start()


def sni_of(hello):
    """The server name of a ClientHello record, or None."""
    try:
        at = 5 + 4 + 2 + 32
        at += 1 + hello[at]
        at += 2 + struct.unpack(">H", hello[at:at + 2])[0]
        at += 1 + hello[at] + 2
        while at + 4 <= len(hello):
            kind, size = struct.unpack(">HH", hello[at:at + 4])
            if kind == 0:
                return hello[at + 9:at + 4 + size].decode("latin-1")
            at += 4 + size
    except (IndexError, struct.error):
        pass
    return None


def copy(source, to, bytes_per_s=0):
    try:
        while True:
            piece = source.recv(1024 if bytes_per_s else 65536)
            if not piece:
                break
            if bytes_per_s:
                STOP.wait(len(piece) / bytes_per_s)
            to.sendall(piece)
    except OSError:
        pass
    for link in (source, to):
        try:
            link.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


STOP = threading.Event()


def middle(name, meet=None, bytes_per_s=0):
    """Takes redirected connections: those that name `name` (None: all) meet `meet` or are slowed down, others pass."""
    def handle(link):
        raw = link.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
        port, address = struct.unpack(">H", raw[2:4])[0], socket.inet_ntoa(raw[4:8])
        size = struct.unpack(">H", link.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)[3:5])[0]
        asked = sni_of(link.recv(5 + size, socket.MSG_PEEK | socket.MSG_WAITALL))
        ours = name is None or asked == name
        if ours and meet:
            meet(link)
            return
        with socket.create_connection((address, port), PATIENCE_S) as onward:
            up = threading.Thread(target=copy, args=(link, onward), daemon=True)
            up.start()
            copy(onward, link, bytes_per_s if ours else 0)
            up.join()
    return handle


def be_server(plan):
    for row in plan["tls"]:
        handle = web(context_of(row["pair"], row.get("by_name"), row.get("alerts", ())), plan["big"])
        listen(row["address"], 443, one_packet(handle) if row.get("one_packet") else handle)
    for address, words in plan["says"].items():
        listen(address, 443, says(words.encode()) if words else plain)
    listen("0.0.0.0", 80, plain)
    for address, table in plan["names"].items():
        names(address, 53, table)


def be_middlebox(plan):
    box = plan["middlebox"]
    own = web(context_of(box["pair"]), plan["big"])
    listen("0.0.0.0", 4443, middle(box["name"], own))
    listen("0.0.0.0", 4444, middle(None, own))
    listen("0.0.0.0", 4445, middle(box["name"], bytes_per_s=box["bytes_per_s"]))
    listen("0.0.0.0", 4480, lambda link: (read_head(link), link.sendall(
        answer(b"", "302 Found", "Location: http://login.portal.lab/\r\n"))))
    listen("0.0.0.0", 4446, lambda link: (link.recv(4096), link.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\nblocked\n")))
    for port, table in box["liars"].items():
        names("0.0.0.0", int(port), table)


def main():
    role, place = sys.argv[1:]
    plan = json.loads((pathlib.Path(place) / "plan.json").read_text())
    {"server": be_server, "middlebox": be_middlebox}[role](plan)
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
