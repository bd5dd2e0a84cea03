"""HTTP as clients speak it: connections stay open, and no body is taken for the next request."""

from __future__ import annotations

import json
import socket
import struct
import threading
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from infra.local.http_server import RAW_HEADERS, read_body, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LIMIT = 1_000


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answers with what it was asked, or with a refusal where the body cannot be had."""
    request = Request(environ)
    if request.path == "/nothing":
        return Response(status=204)(environ, start_response)
    if request.path == "/unread":
        return Response("not read")(environ, start_response)
    try:
        body = read_body(request, LIMIT).decode("latin-1")
    except (HTTPException, OSError) as error:
        return Response(type(error).__name__, status=400)(environ, start_response)
    told = {
        "method": request.method,
        "uri": environ["REQUEST_URI"],
        "body": body,
        "headers": environ[RAW_HEADERS],
        "thread": threading.get_ident(),
    }
    answer = Response(json.dumps(told), headers={"Connection": "mine", "X-A": "1"})
    return answer(environ, start_response)


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with serve(echo) as base_url:
        host, port = base_url.removeprefix("http://").split(":")
        yield host, int(port)


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=10) as connection:
        yield connection


def answered(connection: socket.socket, method: str = "GET") -> tuple[HTTPResponse, bytes]:
    response = HTTPResponse(connection, method=method)
    response.begin()
    return response, response.read()


def sent(address: tuple[str, int], *requests: bytes) -> list[tuple[int, bytes]]:
    """The answers to requests sent one after the other, in one go, on one connection."""
    with connected(address) as connection:
        connection.sendall(b"".join(requests))
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            found = []
            while line := stream.readline():
                length = 0
                while (header := stream.readline().strip()) != b"":
                    name, _, value = header.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                found.append((int(line.split()[1]), stream.read(length)))
            return found


def closes(address: tuple[str, int], request: bytes) -> tuple[int, bytes]:
    """The only answer on a connection that the server then closes by itself."""
    with connected(address) as connection:
        connection.sendall(request)
        response, body = answered(connection)
        assert response.headers["Connection"] == "close"
        assert connection.recv(1) == b""
        return response.status, body


GET = b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n"


def test_requests_of_one_connection_are_answered_on_it(address: tuple[str, int]) -> None:
    connection = HTTPConnection(*address, timeout=10)
    threads = set()
    sockets = set()
    try:
        for number in range(5):
            connection.request("POST", f"/a?n={number}", body=b"x" * number)
            told = json.loads(connection.getresponse().read())
            assert (told["method"], told["uri"], told["body"]) == (
                "POST",
                f"/a?n={number}",
                "x" * number,
            )
            threads.add(told["thread"])
            assert connection.sock is not None
            sockets.add(connection.sock.getsockname())
    finally:
        connection.close()
    assert len(threads) == len(sockets) == 1


def test_headers_reach_the_application_as_they_came(address: tuple[str, int]) -> None:
    request = b"GET /a HTTP/1.1\r\nHost: h\r\nx-NOTE: 1\r\nX-Note: 2\r\nX_Under: 3\r\n\r\n"
    ((_, body),) = sent(address, request)
    assert json.loads(body)["headers"] == [
        ["Host", "h"],
        ["x-NOTE", "1"],
        ["X-Note", "2"],
        ["X_Under", "3"],
    ]


def test_an_answer_says_its_length_and_not_who_served_it(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        connection.sendall(GET)
        response, body = answered(connection)
    assert response.version == 11
    assert response.headers.get_all("Content-Length") == [str(len(body))]
    assert response.headers["X-A"] == "1"
    assert response.headers["Date"]
    assert "Server" not in response.headers
    assert "Connection" not in response.headers


def test_a_chunked_body_ends_where_it_says(address: tuple[str, int]) -> None:
    chunked = (
        b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    (first, body), (second, next_body) = sent(address, chunked, GET)
    assert (first, json.loads(body)["body"]) == (200, "abcde")
    assert (second, json.loads(next_body)["uri"]) == (200, "/next")


def test_an_empty_body_is_no_body(address: tuple[str, int]) -> None:
    request = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
    statuses = [status for status, _ in sent(address, request, GET)]
    assert statuses == [200, 200]


def test_a_body_that_nobody_read_closes_the_connection(address: tuple[str, int]) -> None:
    """Else its bytes would be read as the next request."""
    request = b"POST /unread HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n" + GET
    assert closes(address, request) == (200, b"not read")


@pytest.mark.parametrize(
    "head",
    [
        b"Host: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"Host: h\r\nTransfer-Encoding: gzip, chunked",
        b"Host: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Host: h\r\nContent-Length: 5\r\nContent-Length: 6",
        b"Host: h\r\nContent-Length: -1",
        b"Host: h\r\nContent-Length: +5",
        b"Host: h\r\nContent-Length: 5,5",
        b"Host: h\r\nContent-Length: \xb2",
        b"Host: h\r\nHost: i",
        b"X-No-Host: h",
    ],
)
def test_a_request_whose_end_is_in_doubt_is_refused(address: tuple[str, int], head: bytes) -> None:
    request = b"POST /a HTTP/1.1\r\n" + head + b"\r\n\r\nabcde"
    assert closes(address, request) == (400, b'{"message": "Bad Request"}')


@pytest.mark.parametrize(
    ("request_line", "head"),
    [
        (b"NONSENSE", b""),
        (b"GET / HTTP/9.9", b""),
        (b"GET / a b HTTP/1.1", b"HTTP/1.1 400 Bad request syntax"),
    ],
)
def test_what_is_no_http_is_refused_as_json(
    address: tuple[str, int], request_line: bytes, head: bytes
) -> None:
    """With a head, where the request had a version that has heads."""
    with connected(address) as connection:
        connection.sendall(request_line + b"\r\nHost: h\r\n\r\n")
        with connection.makefile("rb") as stream:
            received = stream.read()
    assert received.startswith(head)
    assert (b"Content-Type: application/json" in received) is bool(head)
    assert received.endswith(b'{"message": "Bad Request"}')


def test_wrong_chunks_are_the_applications_to_refuse(address: tuple[str, int]) -> None:
    request = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"
    assert closes(address, request)[0] == 400


def test_a_body_cut_short_is_the_applications_to_refuse(address: tuple[str, int]) -> None:
    request = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nabc"
    assert sent(address, request)[0] == (400, b"ClientDisconnected")


@pytest.mark.parametrize("announced", [True, False])
def test_the_sender_of_too_much_hears_why(address: tuple[str, int], announced: bool) -> None:  # noqa: FBT001 - a case
    """The rest is read and thrown away: a reset connection would take the answer with it."""
    data = b"x" * 5_000_000
    head = b"POST /a HTTP/1.1\r\nHost: h\r\n"
    if announced:
        request = head + b"Content-Length: %d\r\n\r\n" % len(data) + data
    else:
        request = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(data) + data
    assert closes(address, request) == (400, b"RequestEntityTooLarge")


def test_head_has_the_length_and_no_body(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        connection.sendall(b"HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n")
        response, body = answered(connection, "HEAD")
        assert (response.status, body) == (200, b"")
        (length,) = response.headers.get_all("Content-Length", [])
        assert int(length) > 0
        connection.sendall(GET)
        assert answered(connection)[0].status == 200


def test_an_answer_of_no_content_has_no_length(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        connection.sendall(b"GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n" + GET)
        response, body = answered(connection)
        assert (response.status, body) == (204, b"")
        assert "Content-Length" not in response.headers


def test_http_1_0_gets_one_answer(address: tuple[str, int]) -> None:
    assert (
        closes(address, b"GET /a HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n")[0] == 200
    )


def test_a_client_may_ask_to_close(address: tuple[str, int]) -> None:
    assert closes(address, b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")[0] == 200


def test_a_client_that_waits_to_be_told_to_go_on_is_told_once(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        connection.sendall(
            b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        )
        with connection.makefile("rb") as stream:
            assert stream.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert stream.readline() == b"\r\n"
            connection.sendall(b"abc")
            assert stream.readline() == b"HTTP/1.1 200 OK\r\n"


def test_an_application_that_reads_all_it_gets_gets_one_body() -> None:
    """The stream ends with the body, for those too who never look at its length."""

    def read(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"read ", body]

    request = b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
    with serve(read) as base_url:
        host, port = base_url.removeprefix("http://").split(":")
        assert sent((host, int(port)), request, GET) == [(200, b"read abc"), (200, b"read ")]
        with connected((host, int(port))) as connection:
            connection.sendall(b"HEAD /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            with connection.makefile("rb") as stream:
                assert stream.read().endswith(b"\r\n\r\n")


def test_a_client_that_goes_away_is_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    asked, gone = threading.Event(), threading.Event()

    def much(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked.set()
        gone.wait(10)
        return Response(b"x" * 20_000_000)(environ, start_response)

    with serve(much) as base_url:
        host, port = base_url.removeprefix("http://").split(":")
        with connected((host, int(port))) as connection:
            connection.sendall(GET)
            assert asked.wait(10)
            # With no time to linger, closing resets the connection.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.set()
        with connected((host, int(port))) as connection:
            connection.sendall(GET)
            assert answered(connection)[0].status == 200
    assert capfd.readouterr().err == ""


def test_two_connections_are_served_at_once() -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        both.wait()
        return Response("met")(environ, start_response)

    with serve(meet) as base_url:
        host, port = base_url.removeprefix("http://").split(":")
        first, second = (HTTPConnection(host, int(port), timeout=10) for _ in range(2))
        for connection in (first, second):
            connection.request("GET", "/")
        for connection in (first, second):
            assert connection.getresponse().read() == b"met"
            connection.close()


def test_stopping_hangs_up_on_open_connections() -> None:
    with serve(echo) as base_url:
        host, port = base_url.removeprefix("http://").split(":")
        connection = HTTPConnection(host, int(port), timeout=10)
        connection.request("GET", "/a")
        connection.getresponse().read()
        assert connection.sock is not None
    assert connection.sock.recv(1) == b""
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=10)


def test_a_port_in_use_stops_the_program_with_words(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        serve(echo) as base_url,
        pytest.raises(SystemExit),
        serve(echo, int(base_url.rpartition(":")[2])),
    ):
        pass
    assert "in use" in capsys.readouterr().err
