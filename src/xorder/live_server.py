"""Serves the page of a watch to a browser on the same machine, or with a token to others.

There is nothing to reach but the page, its JSON and its figures, all held in memory.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from xorder.errors import BadInput
from xorder.live_page import LivePage

__all__ = ["is_loopback", "serve"]

COOKIE = "xorder_watch"
#: A shorter token can be guessed.
SHORTEST_TOKEN = 12
_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; connect-src 'self'; "
    "script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def is_loopback(host: str) -> bool:
    """Return whether an address or name is this machine's own and no other can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def serve(
    page: LivePage, *, host: str = "127.0.0.1", port: int = 8765, token: str = ""
) -> Iterator[str]:
    """Serve a page in threads of its own inside a ``with`` block; yield its address.

    Parameters
    ----------
    page
        What is shown.
    host
        Address to listen at; any other than loopback makes a token necessary.
    port
        Port; 0 takes one that is free.
    token
        What a browser must bring; made where empty and `host` is not loopback.

    Raises
    ------
    BadInput
        Where nothing can listen there, or the token is too short.
    """
    if not 0 <= port <= 65535:
        raise BadInput(f"port is {port}", expected="0 to 65535")
    if token and len(token) < SHORTEST_TOKEN:
        raise BadInput(
            f"the token has {len(token)} characters", expected=f"{SHORTEST_TOKEN} or more"
        )
    if not token and not is_loopback(host):
        token = secrets.token_urlsafe(18)
    try:
        server = _Server(page, host, port, token)
    except OSError as error:
        raise BadInput(
            f"nothing can listen at {host}, port {port}: {error.strerror or error}",
            expected="an address of this machine and a free port; --port 0 finds one",
        ) from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.daemon = True
    thread.start()
    name = f"[{host}]" if ":" in host else host
    try:
        yield f"http://{name}:{server.server_port}/" + (f"?token={token}" if token else "")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Threads that wait for a browser end with the process.
    block_on_close = False

    def __init__(self, page: LivePage, host: str, port: int, token: str) -> None:
        self.page = page
        self.token = token
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away."""


class _Handler(BaseHTTPRequestHandler):
    # A browser that asks and then says nothing does not hold a thread for ever.
    timeout = 20
    server_version = "xorder"
    sys_version = ""

    @property
    def _live(self) -> _Server:
        return cast(_Server, self.server)

    def do_GET(self) -> None:
        """Answer with the page, its JSON or a figure."""
        address = urlsplit(self.path)
        query = parse_qs(address.query)
        if not self._allowed(query):
            self._send(403, b"403: the token is missing or wrong\n", "text/plain; charset=utf-8")
            return
        page = self._live.page
        if address.path == "/":
            nonce = secrets.token_urlsafe(12)
            self._send(200, page.html(nonce), "text/html; charset=utf-8", nonce=nonce)
        elif address.path == "/state.json":
            self._send(200, page.state(), "application/json; charset=utf-8")
        else:
            name = address.path.removeprefix("/figure/").removesuffix(".svg")
            figure = page.figure(name) if address.path == f"/figure/{name}.svg" else None
            if figure is None:
                self._send(404, b"404: there is nothing here\n", "text/plain; charset=utf-8")
            else:
                self._send(200, figure, "image/svg+xml")

    def _refuse(self) -> None:
        self._send(405, b"405: only GET\n", "text/plain; charset=utf-8")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _refuse  # noqa: N815

    def _allowed(self, query: dict[str, list[str]]) -> bool:
        """Return whether the request has the token, or needs none and is of this machine."""
        token = self._live.token
        if not token:
            # A page elsewhere may have a name of its own point to this machine: not to us.
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
            return is_loopback(host)
        given = query.get("token", [""])[0] or self._cookie()
        return hmac.compare_digest(given.encode(), token.encode())

    def _cookie(self) -> str:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return ""
        return found.value if found is not None else ""

    def _send(self, status: int, body: bytes, kind: str, *, nonce: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", _POLICY.format(nonce=nonce))
        if status == 405:
            self.send_header("Allow", "GET")
        if status == 200 and self._live.token:
            said = f"{COOKIE}={self._live.token}; HttpOnly; SameSite=Strict; Path=/"
            self.send_header("Set-Cookie", said)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: requests carry the token."""
