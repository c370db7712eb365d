"""The client against real sockets: what breaks, and what an attacker or a bad day may send."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from redox_operator.adapters.token_endpoint import Timeouts, TokenEndpointClient
from redox_operator.domain.access_token import TokenResponse
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.errors import EndpointUnavailable, ResponseInvalid, TokenRequestError
from tests.support.loopback_tls import DAY, NOW, Authority, Exchange, LoopbackServer

TOKEN = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 300}
ASSERTION = "head.c4n4ry.signature"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., TokenEndpointClient]]:
    made = []

    def build(**arguments) -> TokenEndpointClient:
        made.append(
            TokenEndpointClient(
                **{"user_agent": "test", "max_lifetime_seconds": 86400, "trust_env": False}
                | arguments
            )
        )
        return made[-1]

    yield build
    for client in made:
        await client.close()


async def grant(exchange: Exchange) -> None:
    await exchange.answer(TOKEN)


def endpoint(server: LoopbackServer, ca: Path | None, scheme: str = "https") -> Endpoint:
    url = f"{scheme}://{server.address}/v2/auth/token"
    return Endpoint("Test", url, url, ca_bundle=None if ca is None else str(ca))


async def request(client: TokenEndpointClient, where: Endpoint) -> TokenResponse:
    return await client.request_token(where, ASSERTION, scopes=(), sent_at=1_700_000_000)


async def error_of(client: TokenEndpointClient, where: Endpoint) -> TokenRequestError:
    with pytest.raises(TokenRequestError) as caught:
        await request(client, where)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "c4n4ry" not in "".join(traceback.format_exception(error)) + repr(vars(error))
    return error


async def hang(exchange: Exchange) -> None:
    await asyncio.Event().wait()


async def drip(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    while True:
        await exchange.write(b" ")
        await asyncio.sleep(0.02)


async def close_without_an_answer(exchange: Exchange) -> None:
    exchange.close()


async def reset_without_an_answer(exchange: Exchange) -> None:
    exchange.reset()


async def break_off_in_the_head(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    exchange.close()


async def break_off_in_the_body(exchange: Exchange) -> None:
    await exchange.write(b'HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{"access_token": "c4n4ry')
    exchange.close()


async def break_off_in_a_chunk(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{c4n4ry")
    exchange.close()


async def hang_in_the_body(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{")
    await asyncio.Event().wait()


async def speak_another_protocol(exchange: Exchange) -> None:
    await exchange.write(b"220 c4n4ry ESMTP\r\n\r\n")
    exchange.close()


async def send_a_broken_header(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\nc4n4ry\r\n\r\n")
    exchange.close()


async def send_endless_headers(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        await exchange.write(b"X-Padding: " + b"c4n4ry" * 1000 + b"\r\n")


async def send_an_endless_body(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await exchange.write(b"1000\r\n" + b" " * 0x1000 + b"\r\n")


async def send_a_gzip_bomb(exchange: Exchange) -> None:
    await exchange.answer(gzip.compress(bytes(10_000_000)), "200 OK", "Content-Encoding: gzip")


# Short only where the test waits for it: a busy machine is no fault of the endpoint.
TIMEOUTS = {
    hang: Timeouts(read=0.2),
    hang_in_the_body: Timeouts(read=0.2),
    drip: Timeouts(total=0.5),
}


@pytest.mark.parametrize(
    ("handler", "sentence", "status"),
    [
        pytest.param(hang, "127.0.0.1 was silent for 0.2 s", None, id="it hangs"),
        pytest.param(hang_in_the_body, "127.0.0.1 was silent for 0.2 s", 200, id="a body hangs"),
        pytest.param(drip, "127.0.0.1 sent no whole answer within 0.5 s", 200, id="it drips"),
        pytest.param(
            close_without_an_answer,
            "The connection to 127.0.0.1 broke before an answer came",
            None,
            id="it closes",
        ),
        pytest.param(
            reset_without_an_answer,
            "The connection to 127.0.0.1 broke before an answer came",
            None,
            id="it resets",
        ),
        pytest.param(
            break_off_in_the_head,
            "The connection to 127.0.0.1 broke before an answer came",
            None,
            id="the head breaks off",
        ),
        pytest.param(
            break_off_in_the_body,
            "The answer of 127.0.0.1 broke off",
            200,
            id="the body breaks off",
        ),
        pytest.param(
            break_off_in_a_chunk, "The answer of 127.0.0.1 broke off", 200, id="a chunk breaks off"
        ),
        pytest.param(
            speak_another_protocol,
            "127.0.0.1 answered something that is no HTTP",
            None,
            id="another protocol",
        ),
        pytest.param(
            send_a_broken_header,
            "127.0.0.1 answered something that is no HTTP",
            None,
            id="a broken header",
        ),
        pytest.param(
            send_endless_headers,
            "127.0.0.1 answered something that is no HTTP",
            None,
            id="endless headers",
        ),
    ],
)
async def test_no_whole_answer_means_unavailable(make, authority, handler, sentence, status):
    timeouts = TIMEOUTS.get(handler, Timeouts())
    async with LoopbackServer.running(handler, authority.server_context()) as server:
        error = await error_of(make(timeouts=timeouts), endpoint(server, authority.file))

    assert type(error) is EndpointUnavailable
    assert error.message.startswith(sentence)
    assert error.status == status
    assert server.requests == 1


@pytest.mark.parametrize(
    ("handler", "what"),
    [
        pytest.param(send_an_endless_body, "larger than 64 KiB", id="endless"),
        pytest.param(send_a_gzip_bomb, "compressed", id="compressed"),
    ],
)
async def test_a_body_beyond_the_limits_is_not_read_on(make, authority, handler, what):
    async with LoopbackServer.running(handler, authority.server_context()) as server:
        error = await error_of(make(), endpoint(server, authority.file))

        assert isinstance(error, ResponseInvalid)
        assert what in error.message
        await eventually(lambda: server.open_connections == 0)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - sockets set no events
            await asyncio.sleep(0.005)


async def test_a_refused_connection(make, authority):
    async with LoopbackServer.running(grant, None) as server:
        where = endpoint(server, authority.file)

    error = await error_of(make(), where)

    assert error.message.startswith("127.0.0.1 refused the connection: ")


async def test_a_connection_that_nobody_accepts(make, authority):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"

        error = await error_of(
            make(timeouts=Timeouts(connect=0.2)),
            Endpoint("Test", url, url, ca_bundle=str(authority.file)),
        )

    assert error.message.startswith("No connection to 127.0.0.1 came about within 0.2 s: ")


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        pytest.param(
            lambda authority, other: other.server_context(),
            "The certificate of 127.0.0.1 is not signed by a trusted authority: write the right "
            "one into caBundle",
            id="another authority",
        ),
        pytest.param(
            lambda authority, other: authority.server_context(not_after=NOW - DAY / 2),
            "The certificate of 127.0.0.1 has expired: check the clock",
            id="expired",
        ),
        pytest.param(
            lambda authority, other: authority.server_context(not_before=NOW + DAY / 2),
            "The certificate of 127.0.0.1 is not valid yet: check the clock",
            id="not valid yet",
        ),
        pytest.param(
            lambda authority, other: authority.server_context("127.0.0.2"),
            "The certificate of 127.0.0.1 is for another host: check the tokenUrl",
            id="another host",
        ),
    ],
)
async def test_a_server_that_cannot_be_trusted_gets_no_assertion(
    make, authority, tmp_path, context, sentence
):
    other = Authority(tmp_path)
    async with LoopbackServer.running(grant, context(authority, other)) as server:
        error = await error_of(make(), endpoint(server, authority.file))

    assert type(error) is EndpointUnavailable
    assert error.message.startswith(sentence)
    assert server.requests == 0


async def test_a_server_without_tls_gets_no_assertion(make, authority):
    async with answering(b"HTTP/1.1 400 c4n4ry\r\n\r\n") as (address, asked):
        url = address.replace("http://", "https://")
        error = await error_of(make(), Endpoint("Test", url, url, ca_bundle=str(authority.file)))

    assert error.message.startswith("No TLS connection to 127.0.0.1 came about: check the tokenUrl")
    assert b"c4n4ry" not in asked[0]


async def test_a_public_certificate_is_asked_for_without_a_ca_bundle(make, authority):
    async with LoopbackServer.running(grant, authority.server_context()) as server:
        error = await error_of(make(), endpoint(server, None))

    assert "is not signed by a trusted authority" in error.message


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(None, "cannot be read", id="missing"),
        pytest.param(b"", "holds no valid PEM certificates", id="empty"),
        pytest.param(b"prose", "holds no valid PEM certificates", id="prose"),
    ],
)
async def test_a_ca_bundle_that_cannot_be_used_is_named(make, tmp_path, content, what):
    file = tmp_path / "bundle.pem"
    if content is not None:
        file.write_bytes(content)
    url = "https://127.0.0.1:9/"

    error = await error_of(make(), Endpoint("Test", url, url, ca_bundle=str(file)))

    assert type(error) is EndpointUnavailable
    assert error.message.startswith(f"The caBundle {file} of the endpoint Test {what}: ")


async def test_public_certificates_that_cannot_be_read_are_said(make, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    url = "https://127.0.0.1:9/"

    error = await error_of(make(trust_env=True), Endpoint("Test", url, url))

    assert "correct SSL_CERT_FILE" in error.message


async def test_requests_share_a_connection(make, authority):
    client = make()
    async with LoopbackServer.running(grant, authority.server_context()) as server:
        for _ in range(5):
            answer = await request(client, endpoint(server, authority.file))
            assert answer.token.value == "t0ken"

    assert (server.requests, server.connections) == (5, 1)


async def test_an_error_keeps_the_connection(make, authority):
    async def refuse(exchange: Exchange) -> None:
        await exchange.answer({"error": "invalid_client"}, "401 Unauthorized")

    client = make()
    async with LoopbackServer.running(refuse, authority.server_context()) as server:
        for _ in range(3):
            await error_of(client, endpoint(server, authority.file))

    assert (server.requests, server.connections) == (3, 1)


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again(make, authority):
    async def grant_and_close(exchange: Exchange) -> None:
        await exchange.answer(TOKEN)
        exchange.close()

    client = make()
    async with LoopbackServer.running(grant_and_close, authority.server_context()) as server:
        for expected in (1, 2):
            await request(client, endpoint(server, authority.file))
            await eventually(lambda: server.open_connections == 0)
            assert server.connections == expected


async def test_many_requests_at_once_all_get_their_token(make, authority):
    client = make()
    async with LoopbackServer.running(grant, authority.server_context()) as server:
        where = endpoint(server, authority.file)
        answers = await asyncio.gather(*(request(client, where) for _ in range(30)))

    assert len(answers) == server.requests == 30


async def test_a_changed_ca_bundle_is_taken_up(make, tmp_path, authority):
    other = Authority(tmp_path, "other")
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(other.pem)
    client = make()
    async with LoopbackServer.running(grant, authority.server_context()) as server:
        where = endpoint(server, bundle)
        assert "not signed by a trusted authority" in (await error_of(client, where)).message

        bundle.write_bytes(authority.pem)

        assert (await request(client, where)).token.value == "t0ken"


async def test_a_changed_ca_bundle_does_not_break_a_request_under_way(make, tmp_path, authority):
    answering = asyncio.Event()

    async def grant_later(exchange: Exchange) -> None:
        if exchange.number == 1:
            await answering.wait()
        await exchange.answer(TOKEN)

    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(authority.pem)
    client = make()
    async with LoopbackServer.running(grant_later, authority.server_context()) as server:
        where = endpoint(server, bundle)
        first = asyncio.create_task(request(client, where))
        await eventually(lambda: server.requests == 1)
        bundle.write_bytes(authority.pem + b"\n")
        await request(client, where)
        answering.set()

        assert (await first).token.value == "t0ken"
        # The outdated client is closed with its last request, the new one stays open.
        await eventually(lambda: server.open_connections == 1)


async def test_a_changed_entry_is_taken_up(make, authority):
    client = make()
    async with (
        LoopbackServer.running(grant, authority.server_context()) as first,
        LoopbackServer.running(grant, authority.server_context()) as second,
    ):
        await request(client, endpoint(first, authority.file))
        await request(client, endpoint(second, authority.file))

        assert (first.requests, second.requests) == (1, 1)
        await eventually(lambda: first.open_connections == 0)


async def test_a_cancelled_request_leaves_the_client_usable(make, authority):
    async def hang_once(exchange: Exchange) -> None:
        if exchange.number == 1:
            await asyncio.Event().wait()
        await exchange.answer(TOKEN)

    client = make()
    async with LoopbackServer.running(hang_once, authority.server_context()) as server:
        where = endpoint(server, authority.file)
        dropped = asyncio.create_task(request(client, where))
        await eventually(lambda: server.requests == 1)
        dropped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dropped

        assert (await request(client, where)).token.value == "t0ken"


async def test_the_libraries_log_nothing_of_the_answer(make, authority, caplog):
    async def reflect(exchange: Exchange) -> None:
        await exchange.answer(exchange.body, "400 c4n4ry", "X-Debug: c4n4ry")

    caplog.set_level(logging.DEBUG)
    async with LoopbackServer.running(reflect, authority.server_context()) as server:
        await error_of(make(), endpoint(server, authority.file))

    assert "c4n4ry" not in caplog.text


async def test_closing_closes_the_connections(make, authority):
    client = make()
    async with LoopbackServer.running(grant, authority.server_context()) as server:
        await request(client, endpoint(server, authority.file))

        await client.close()

        await eventually(lambda: server.open_connections == 0)


@contextlib.asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers anything with these bytes; gives its address and what was asked."""
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.read(4096)).partition(b"\r\n")[0])
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}", asked
    finally:
        server.close()


REFUSED = b"HTTP/1.1 403 c4n4ry\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def environment(monkeypatch):
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch.setenv


async def test_a_proxy_of_the_environment_is_used_and_its_refusal_told_apart(make, environment):
    url = "https://redox.example/v2/auth/token"
    async with answering(REFUSED) as (address, asked):
        environment("HTTPS_PROXY", address)
        error = await error_of(make(trust_env=True), Endpoint("Test", url, url))

    assert error.message.startswith("The proxy did not connect to redox.example: ")
    assert asked == [b"CONNECT redox.example:443 HTTP/1.1"]


@pytest.mark.parametrize(
    ("trust_env", "no_proxy"),
    [pytest.param(True, "127.0.0.1", id="NO_PROXY"), pytest.param(False, "", id="not trusted")],
)
async def test_a_proxy_is_passed_by(make, authority, environment, trust_env, no_proxy):
    async with (
        answering(REFUSED) as (address, asked),
        LoopbackServer.running(grant, authority.server_context()) as server,
    ):
        environment("HTTPS_PROXY", address)
        environment("NO_PROXY", no_proxy)
        await request(make(trust_env=trust_env), endpoint(server, authority.file))

    assert asked == []
    assert server.requests == 1


class Failing(httpx.AsyncBaseTransport):
    """Raises what httpx raises, led to by what the operating system said."""

    def __init__(self, error: Exception, cause: Exception | None = None) -> None:
        self._error = error
        self._cause = cause

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise self._error from self._cause


HOST_DOWN = OSError(113, "No route to host")
UNKNOWN_HOST = socket.gaierror(-2, "Name or service not known")


@pytest.mark.parametrize(
    ("error", "cause", "sentence"),
    [
        pytest.param(
            httpx.ConnectError("x"),
            UNKNOWN_HOST,
            "The host name redox.example could not be resolved: check the tokenUrl",
            id="an unknown host",
        ),
        pytest.param(
            httpx.ConnectError("x"),
            HOST_DOWN,
            "redox.example could not be reached: check firewall",
            id="no route",
        ),
        pytest.param(
            httpx.ConnectError("x"),
            ExceptionGroup("several addresses", [HOST_DOWN, ConnectionRefusedError()]),
            "redox.example refused the connection",
            id="one of several addresses refuses",
        ),
        pytest.param(
            httpx.PoolTimeout("x"),
            None,
            "All connections to redox.example were busy for 5 s",
            id="no free connection",
        ),
        pytest.param(
            httpx.WriteTimeout("x"), None, "redox.example took no request within 5 s", id="write"
        ),
        pytest.param(
            httpx.WriteError("x"), None, "The connection to redox.example broke", id="write error"
        ),
        pytest.param(
            httpx.LocalProtocolError("x"), None, "The connection to redox.example broke", id="local"
        ),
        pytest.param(OSError("x"), None, "The connection to redox.example broke", id="any OSError"),
    ],
)
async def test_what_the_network_says_becomes_a_sentence(make, error, cause, sentence):
    url = "https://redox.example/v2/auth/token"

    caught = await error_of(make(transport=Failing(error, cause)), Endpoint("Test", url, url))

    assert type(caught) is EndpointUnavailable
    assert caught.message.startswith(sentence)
    assert caught.status is None
    assert caught.message.endswith(".")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("ftp://redox.example/", id="another scheme"),
        pytest.param("https://redox.example:port/", id="no port"),
        pytest.param("https://xn--a/", id="a host that is no name"),
    ],
)
async def test_an_unusable_token_url_is_a_fault_of_the_configuration(make, url):
    error = await error_of(make(), Endpoint("Test", url, url))

    assert "The tokenUrl of the endpoint Test cannot be used" in error.message
