"""A real S3-speaking server (moto) on this machine, which fails as it is set to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Faulty:
    """Passes requests on to the server; the next reads of objects fail in the ways listed.

    A number is the status of the answer; "cut" ends it half way, "short" announces no more than half.
    """

    def __init__(self, application):
        self.application = application
        self.faults: list[int | str] = []
        self.reads: list[str] = []

    def __call__(self, environ, start_response):
        is_read = environ["REQUEST_METHOD"] == "GET" and "list-type" not in environ["QUERY_STRING"]
        if not is_read:
            return self.application(environ, start_response)
        self.reads.append(environ["PATH_INFO"])
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, int):
            code = {403: "AccessDenied", 503: "SlowDown"}.get(fault, "InternalError")
            start_response(f"{fault} {code}", [("Content-Type", "application/xml")])
            return [f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode()]
        return (
            self.application(environ, start_response) if fault is None else self.halved(fault, environ, start_response)
        )

    def halved(self, fault, environ, start_response):
        kept = []
        body = b"".join(self.application(environ, lambda status, headers, _=None: kept.append((status, headers))))
        status, headers = kept[0]
        half = body[: len(body) // 2]
        size = len(body) if fault == "cut" else len(half)
        start_response(status, [(k, str(size) if k.lower() == "content-length" else v) for k, v in headers])
        return [half]


@contextmanager
def object_server() -> Iterator[tuple[str, Faulty]]:
    """Serve an empty store; give its address and what makes it fail."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_):
            pass

    faulty = Faulty(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, faulty, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", faulty
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
