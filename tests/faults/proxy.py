"""A bad line: a TCP proxy on loopback that, by a seed, cuts, truncates, refuses and holds up HTTP exchanges.

It forwards one request at a time and reads each whole, so that it can end a connection before the request was
forwarded, or after it was carried out and before its reply.
"""

from __future__ import annotations

import random
import socket
import socketserver
import threading
import time
from collections import Counter
from typing import Self

REFUSALS = {
    "503": b"HTTP/1.1 503 Sorry\r\nContent-Type: text/html\r\nContent-Length: 14\r\nConnection: close\r\n\r\n<h1>Sorry</h1>",
    "429": b"HTTP/1.1 429 Slow down\r\nRetry-After: %d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
}
FAULTS = ("cut before", "cut after", "truncated", "503", "429", "hang")


class Proxy:
    """Stands before a server: `with Proxy(url, seed=1, share=0.3) as proxy: proxy.url`. `share` of the exchanges go wrong."""

    def __init__(self, url: str, *, seed: int, share: float) -> None:
        self.server = ("127.0.0.1", int(url.rpartition(":")[2]))
        self.share = share
        self.done: Counter[str] = Counter()
        """How many exchanges ended how."""
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        proxy = self

        class Line(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while (request := _message(self.rfile)) and proxy._exchange(request, self.connection):
                    pass

        self._listening = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line)
        self._listening.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._listening.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown()
        self._listening.server_close()

    def _exchange(self, request: bytes, client: socket.socket) -> bool:
        """Carry out one exchange and return whether the line goes on."""
        with self._lock:
            fault = self._random.choice(FAULTS) if self._random.random() < self.share else "fine"
            part, wait = self._random.random(), self._random.randrange(2)
            self.done[fault] += 1
        if fault in REFUSALS:
            client.sendall(REFUSALS[fault] % wait if fault == "429" else REFUSALS[fault])
        if fault in {"cut before", *REFUSALS}:
            return False
        if fault == "hang":
            time.sleep(0.2)
        reply = self._forwarded(request)
        if fault == "cut after":
            return False
        client.sendall(reply[: int(len(reply) * part)] if fault == "truncated" else reply)
        return fault != "truncated" and b"connection: close" not in reply.lower()

    def _forwarded(self, request: bytes) -> bytes:
        with socket.create_connection(self.server, timeout=30) as line, line.makefile("rb") as replies:
            line.sendall(request)
            return _message(replies)


def _message(file: object) -> bytes:
    """Return one HTTP message as it came, or nothing at the end of the line."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = file.readline()  # type: ignore[attr-defined]
        if not line:
            return b""
        head += line
    headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(b":") for one in head.splitlines()[1:])}
    if headers.get(b"transfer-encoding", b"").lower() != b"chunked":
        return head + bytes(file.read(int(headers.get(b"content-length", 0))))  # type: ignore[attr-defined]
    body = b""
    while not body.endswith(b"0\r\n\r\n"):
        size = file.readline()  # type: ignore[attr-defined]
        body += size + file.read(int(size, 16) + 2)  # type: ignore[attr-defined]
    return head + body
