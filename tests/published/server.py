"""A web server on this machine that misbehaves as real ones do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.published.serving import QuietHandler, serving


class Faults:
    """What the server does wrong, and what it was asked."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.tag = '"one"'
        self.answers: list[tuple[int, dict[str, str]]] = []  # given first, one a request
        self.cuts: list[int] = []  # bytes after which a connection is closed, one a request
        self.announced: int | None = None
        self.redirect: str | None = None
        self.wrong_part = False
        self.ranges = True
        self.requests: list[str | None] = []


@contextmanager
def served(faults: Faults) -> Iterator[str]:
    """Give the address of a file on a server with faults."""

    class Handler(QuietHandler):
        def do_GET(self):  # noqa: N802 - the name of http.server
            faults.requests.append(self.headers.get("Range"))
            if faults.answers:
                status, headers = faults.answers.pop(0)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if faults.redirect and self.path == "/file.pth":
                self.send_response(302)
                self.send_header("Location", faults.redirect)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = 0
            asked = self.headers.get("Range")
            if asked and faults.ranges and self.headers.get("If-Range") == faults.tag:
                start = int(asked.removeprefix("bytes=").rstrip("-"))
                self.send_response(206)
                first = 0 if faults.wrong_part else start
                self.send_header("Content-Range", f"bytes {first}-{len(faults.content) - 1}/{len(faults.content)}")
            else:
                self.send_response(200)
            body = faults.content[start:]
            if faults.tag:
                self.send_header("ETag", faults.tag)
            self.send_header("Content-Length", str(len(body) if faults.announced is None else faults.announced))
            self.end_headers()
            self.wfile.write(body[: faults.cuts.pop(0)] if faults.cuts else body)
            self.close_connection = True

    with serving(Handler) as address:
        yield f"{address}/file.pth"
