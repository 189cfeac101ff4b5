"""Who may talk to the explorer: the page it made, on this machine, and nobody else.

It listens on the loopback address only. A page of another site that a browser has open could still send it requests, or
reach it under a name that resolves to this machine (DNS rebinding): so every request must name the address that is
served, come from no other origin, and bring the token that only the address printed in the terminal holds.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

HOST = "127.0.0.1"
TOKEN_HEADER = b"x-hpa-token"
_MAX_BODY_BYTES = 8 << 20
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """Refuses requests of others before any of them is read.

    Args:
        application: What is guarded.
        port: Where it is served.
        token: What requests must bring: in the query of the page, in a header for the rest.
    """

    def __init__(self, application: Application, port: int, token: str) -> None:
        self._application = application
        self._token = token.encode()
        self._hosts = {f"{name}:{port}".encode() for name in (HOST, "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 403."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        reason = self._refusal(scope) if scope["type"] == "http" else "only HTTP is served here"
        if reason is None:
            await self._application(scope, receive, send)
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": reason.encode()})

    def _refusal(self, scope: Scope) -> str | None:
        """Return why a request is refused, None where it is not."""
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"")
        if host not in self._hosts:
            return "this address is not served; open the one that hpa explore printed"
        if headers.get(b"origin", b"http://" + host) != b"http://" + host:
            return "requests of other sites are refused"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > _MAX_BODY_BYTES or b"transfer-encoding" in headers:
            return "the request is too long"
        given = headers.get(TOKEN_HEADER, b"")
        if scope["path"] == "/" and scope["method"] == "GET":
            given = given or scope["query_string"].removeprefix(b"token=")
        if not secrets.compare_digest(given, self._token):
            return "the token is missing or wrong; open the address that hpa explore printed"
        return None
