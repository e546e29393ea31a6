"""An HTTP proxy on loopback that leads CONNECT calls for a CRM's hosts to the stand-in, for clients with built-in addresses.

Law: what is asked for any other host is refused, so that no client of a test ever leaves this machine.
"""

from __future__ import annotations

import shutil
import socket
import socketserver
import threading
from contextlib import suppress
from typing import Self


class Tunnel:
    """`with Tunnel(port, ".salesforce.com") as tunnel: tunnel.url`; bytes go through as they are, TLS ends in the stand-in."""

    def __init__(self, port: int, *hosts: str) -> None:
        self.refused: list[str] = []
        """The hosts that were asked for in vain."""
        tunnel = self

        class Line(socketserver.StreamRequestHandler):
            rbufsize = 0  # nothing behind the head may stay in a buffer

            def handle(self) -> None:
                method, _, rest = self.rfile.readline().decode("latin-1").partition(" ")
                host = rest.partition(":")[0]
                while self.rfile.readline() not in (b"\r\n", b"\n", b""):
                    pass
                if method != "CONNECT" or not host.endswith(hosts):
                    tunnel.refused.append(host)
                    self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                    return
                with socket.create_connection(("127.0.0.1", port)) as crm:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    away = threading.Thread(target=_pour, args=(self.connection, crm), daemon=True)
                    away.start()
                    _pour(crm, self.connection)
                    away.join(1)

        self._listening = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line)
        self._listening.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._listening.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown()
        self._listening.server_close()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    """Pass on everything until one side has ended."""
    with suppress(OSError):
        with source.makefile("rb", buffering=0) as read, sink.makefile("wb", buffering=0) as written:
            shutil.copyfileobj(read, written)
        sink.shutdown(socket.SHUT_WR)
