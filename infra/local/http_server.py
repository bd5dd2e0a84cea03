"""werkzeug's threaded server, with connections that stay open.

werkzeug closes each connection after its answer, because it cannot tell where an unread body
ends. Here a body's end is always known: a request that leaves it in doubt is refused and its
connection closed. A signed call of the demonstration then costs no new connection.
"""

from __future__ import annotations

import io
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any, Final, cast

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.serving import DechunkedInput, ThreadedWSGIServer, WSGIRequestHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from werkzeug.wrappers import Request

RAW_HEADERS: Final = "huimin.raw_headers"
# What is still read of a body that was refused, so that its sender sees the answer.
_LINGER_BYTES: Final = 64 * 1024 * 1024
_LINGER_S: Final = 2.0
_GOODBYE_S: Final = 5.0
_CHUNK: Final = 64 * 1024


class _Body(io.RawIOBase):
    """A body of a known length: reads no further than its end."""

    def __init__(self, source: io.BufferedIOBase, length: int) -> None:
        self._source = source
        self.left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        data = self._source.read(min(len(buffer), self.left))
        buffer[: len(data)] = data
        self.left -= len(data)
        return len(data)

    @property
    def at_end(self) -> bool:
        """Whether the next byte belongs to the next request."""
        return not self.left


class _Chunks(DechunkedInput):
    """A chunked body that knows whether its last chunk was read."""

    @property
    def at_end(self) -> bool:
        """Whether the next byte belongs to the next request."""
        return self._done


class _Server(ThreadedWSGIServer):
    """Knows its open connections, so that stopping closes those that stay open."""

    daemon_threads = True

    def __init__(self, port: int, app: WSGIApplication) -> None:
        super().__init__("127.0.0.1", port, app, _Handler)
        self._open: set[socket.socket] = set()
        self._guard = threading.Condition()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as socketserver
        super().shutdown_request(request)
        with self._guard:
            self._open.discard(request)
            self._guard.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver
        """Reports what a thread died of, unless its client had only gone away."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Ends every connection, and waits a while for their threads to close them."""
        with self._guard:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._guard.wait_for(lambda: not self._open, timeout=_GOODBYE_S)


class _Handler(WSGIRequestHandler):
    """One connection: requests one after the other, until either side has enough."""

    protocol_version = "HTTP/1.1"
    # Headers and body leave in one packet; with Nagle's algorithm each answer may wait 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1
    # What http.server answers to what it cannot read at all.
    error_content_type = "application/json"
    error_message_format = '{"message": "Bad Request"}'

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ANN401 - werkzeug's names
        """No line per request: the functions log their own."""

    def handle_expect_100(self) -> bool:
        """Tells the client at once to send its body."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def run_wsgi(self) -> None:
        """Answers one request whose head has been read."""
        length = self._length()
        if length is None:
            self.close_connection = True
            self._send(HTTPStatus.BAD_REQUEST, [("Content-Type", "application/json")], _BAD_REQUEST)
            return
        environ = self.make_environ()
        environ[RAW_HEADERS] = list(self.headers.items())
        body: _Body | _Chunks = (
            _Chunks(cast("IO[bytes]", self.rfile))
            if "Transfer-Encoding" in self.headers
            else _Body(self.rfile, length)
        )
        environ["wsgi.input"] = body
        status, headers, answer = _answer(self.server.app, environ)
        if not body.at_end:
            self.close_connection = True
        self._send(status, headers, answer)
        if not body.at_end:
            self._linger()

    def _length(self) -> int | None:
        """The length of the body, 0 for a chunked one; None where its end is in doubt."""
        lengths = self.headers.get_all("Content-Length", [])
        encodings = self.headers.get_all("Transfer-Encoding", [])
        if len(self.headers.get_all("Host", [])) != 1:
            return None
        if encodings:
            is_clear = [each.strip().lower() for each in encodings] == ["chunked"] and not lengths
            return 0 if is_clear else None
        if not lengths:
            return 0
        text = lengths[0].strip()
        return int(text) if len(lengths) == 1 and text.isascii() and text.isdigit() else None

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        if self.request_version != self.protocol_version:
            self.close_connection = True
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        has_body = status >= HTTPStatus.OK and status not in _BODILESS
        if has_body and "content-length" not in {name.lower() for name, _ in headers}:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _linger(self) -> None:
        """Reads on for a while: a connection closed over unread bytes takes the answer with it."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(_LINGER_S)
        left = _LINGER_BYTES
        while left > 0:
            data = self.rfile.read1(_CHUNK)
            if not data:
                return
            left -= len(data)


_BAD_REQUEST: Final = b'{"message": "Bad Request"}'
_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


def _answer(
    app: WSGIApplication, environ: dict[str, Any]
) -> tuple[int, list[tuple[str, str]], bytes]:
    """What the application answers, whole."""
    status = ""
    headers: list[tuple[str, str]] = []

    def start_response(
        given_status: str, given_headers: list[tuple[str, str]], _: object = None
    ) -> Callable[[bytes], object]:
        nonlocal status, headers
        status, headers = given_status, given_headers
        return written.append

    written: list[bytes] = []
    parts = app(environ, start_response)
    try:
        written.extend(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    sent = [(name, value) for name, value in headers if name.lower() not in _OURS]
    return int(status.split(maxsplit=1)[0]), sent, b"".join(written)


# The connection is this module's to describe.
_OURS: Final = frozenset({"connection", "date", "keep-alive"})


def read_body(request: Request, limit_bytes: int) -> bytes:
    """The request's body, whole.

    Raises:
        RequestEntityTooLarge: it is larger than the limit.
        HTTPException: it ends before it should.
        OSError: its chunks are wrong.

    """
    # werkzeug cuts a chunked body off at its limit and says nothing: one byte more tells.
    request.max_content_length = limit_bytes + 1
    body = request.get_data(cache=False)
    if len(body) > limit_bytes:
        raise RequestEntityTooLarge
    return body


@contextmanager
def serve(app: WSGIApplication, port: int = 0) -> Iterator[str]:
    """Serves the application on 127.0.0.1 until the block ends; gives the base URL.

    Args:
        app: called from one thread per connection.
        port: to listen on; 0 picks a free one.

    """
    server = _Server(port, app)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.hang_up()
        server.server_close()
