"""A token endpoint that checks what it is sent, and an assertion that a test can read.

One object plays all configured endpoints; their requests are told apart by URL.
"""

from __future__ import annotations

import asyncio
import enum
import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from redox_operator.domain.access_token import AccessToken, TokenResponse
from redox_operator.domain.endpoint import Endpoint
from redox_operator.domain.errors import (
    ClientRejected,
    EndpointUnavailable,
    LifetimeTooLong,
    RateLimited,
    TokenRequestError,
)
from redox_operator.domain.private_key import SigningKey
from tests.support.virtual_time import VirtualClock

TOTAL_TIMEOUT = 15.0
"""Seconds after which the real client gives up."""
LEEWAY = 60.0
"""Seconds by which `iat` may lie in the endpoint's future."""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What arrived."""

    at: float
    """Boot clock."""
    url: str
    client_id: str
    key_id: str
    jti: str
    audience: str
    issued_at: float
    expires_at: float
    scopes: tuple[str, ...]


class Away(enum.Enum):
    """How an endpoint fails as a whole."""

    REFUSED = "no connection is made"
    UNAVAILABLE = "503"
    HANGING = "no answer comes"
    RESETTING = "the connection breaks"


Refusal = Callable[[TokenRequest], TokenRequestError | None]


def sign(
    key: SigningKey,
    *,
    client_id: str,
    audience: str,
    issued_at: float,
    lifetime: int,
    assertion_type: str,
    jti: str,
) -> str:
    """An assertion whose claims stand open."""
    iat = math.floor(issued_at)
    claims = {"iss": client_id, "aud": audience, "iat": iat, "exp": iat + lifetime, "jti": jti}
    return json.dumps({**claims, "kid": key.key_id, "typ": assertion_type})


def unavailable(_: TokenRequest | None = None) -> TokenRequestError:
    """503, or no answer."""
    return EndpointUnavailable("The token endpoint did not answer.")


def limited(retry_after: float | None = None) -> Refusal:
    """429."""
    return lambda _: RateLimited("The token endpoint answered 429.", retry_after=retry_after)


def rejected(_: TokenRequest | None = None) -> TokenRequestError:
    """400: the client is not known."""
    return ClientRejected("The token endpoint answered 400.", status=400, code="invalid_client")


@dataclass(slots=True)
class FakeTokenEndpoint:
    """Issues opaque tokens that it counts."""

    clock: VirtualClock
    lifetime: float = 300.0
    delay: float = 0.05
    """Seconds until an answer."""
    delays: dict[str, float] = field(default_factory=dict)
    """The same for single URLs."""
    tells_date: bool = True
    max_lifetime: float = 86400.0
    checks_times: bool = True
    """Whether an assertion of another time is refused."""
    refuse: Refusal = lambda _: None
    """Called with each request; an error is raised in place of a token."""
    away: Away | None = None
    hangs: bool = False
    slowness: Callable[[TokenRequest], float] = lambda _: 0.0
    """Seconds by which the answer to a request takes longer; it is given up after 15 s."""
    hanging_clients: set[str] = field(default_factory=set)
    """Clients whose requests are not answered."""
    unknown_keys: set[str] = field(default_factory=set)
    rejected_clients: set[str] = field(default_factory=set)
    requests: list[TokenRequest] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    """Requests that must never be sent."""
    held_until: dict[str, float] = field(default_factory=dict)
    """Boot clock until when a 429 asked for none, by URL."""
    dies_at: dict[str, float] = field(default_factory=dict)
    """True time at which a token dies."""
    _jtis: set[str] = field(default_factory=set)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def request_token(
        self, endpoint: Endpoint, assertion: str, *, scopes: Sequence[str], sent_at: float
    ) -> TokenResponse:
        """Answer as the real client would; raises a `TokenRequestError`."""
        claims = json.loads(assertion)
        request = TokenRequest(
            at=self.clock.boot,
            url=endpoint.token_url,
            client_id=claims["iss"],
            key_id=claims["kid"],
            jti=claims["jti"],
            audience=claims["aud"],
            issued_at=claims["iat"],
            expires_at=claims["exp"],
            scopes=tuple(scopes),
        )
        if request.jti in self._jtis:
            self.violations.append(f"the jti of {request} was sent twice")
        if request.audience != endpoint.audience:
            self.violations.append(f"{request} has the audience of another endpoint")
        if request.at < self.held_until.get(request.url, 0.0) - 1e-6:
            self.violations.append(f"{request} was sent though the endpoint is held")
        self._jtis.add(request.jti)
        self.requests.append(request)
        await self._fail_as_a_whole()
        if self.hangs or request.client_id in self.hanging_clients:
            await self._hang()
        slow = self.slowness(request)
        if slow >= TOTAL_TIMEOUT:
            await self._hang()
        issued = self.clock.true_time
        await asyncio.sleep(self.delays.get(request.url, self.delay) + slow)
        error = self.refuse(request) or self._check(request)
        if isinstance(error, RateLimited):
            # A longer wait ends when a deadline comes near.
            pause = 10.0 if error.retry_after is None else min(10.0, max(1.0, error.retry_after))
            self.held_until[request.url] = self.clock.boot + pause
        if error is not None:
            if error.status is not None:
                error.date = self._date()
            raise error
        issued_at = float(math.floor(sent_at))
        if self.lifetime > self.max_lifetime:
            raise LifetimeTooLong("The token lives too long.", status=200, date=self._date())
        token = AccessToken(
            f"token-{next(self._numbers)}", issued_at, issued_at + self.lifetime, " ".join(scopes)
        )
        self.dies_at[token.value] = issued + self.lifetime
        return TokenResponse(token, self._date())

    def is_live(self, token: str) -> bool:
        """Whether the endpoint still takes this token."""
        return self.dies_at[token] > self.clock.true_time

    def between(self, begin: float, end: float = float("inf")) -> list[TokenRequest]:
        """The requests of a time of the boot clock."""
        return [request for request in self.requests if begin <= request.at < end]

    async def _fail_as_a_whole(self) -> None:
        match self.away:
            case Away.REFUSED:
                raise EndpointUnavailable("The token endpoint did not answer.")
            case Away.RESETTING:
                await asyncio.sleep(self.delay)
                raise EndpointUnavailable("The token endpoint did not answer.")
            case Away.UNAVAILABLE:
                await asyncio.sleep(self.delay)
                raise EndpointUnavailable(
                    "The token endpoint answered 503.", status=503, date=self._date()
                )
            case Away.HANGING:
                await self._hang()
            case None:
                pass

    async def _hang(self) -> None:
        await asyncio.sleep(TOTAL_TIMEOUT)
        raise EndpointUnavailable("The token endpoint did not answer in 15 s.")

    def _check(self, request: TokenRequest) -> TokenRequestError | None:
        now = self.clock.true_time
        if request.client_id in self.rejected_clients:
            return rejected()
        if request.key_id in self.unknown_keys:
            return ClientRejected(
                "The token endpoint answered 400.",
                status=400,
                code="invalid_request",
                public_key_not_found=True,
            )
        in_time = request.issued_at <= now + LEEWAY and request.expires_at > now
        if self.checks_times and not in_time:
            return rejected()
        return None

    def _date(self) -> float | None:
        return float(math.floor(self.clock.true_time)) if self.tells_date else None
