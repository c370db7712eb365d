"""JWK Sets that clients publish at a URL, cached as long as they allow, at most five minutes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable

import aiohttp

from .clients import Client
from .clock import Clock
from .public_keys import JWK, PublicKeyInvalid, check_key_set

MAX_AGE_SECONDS = 300
MAX_BYTES = 256 * 1024
TIMEOUT_SECONDS = 5


class KeySets:
    """The public keys of clients, from the clients file or their JWKS URL."""

    def __init__(self, clock: Clock, report: Callable[[str], None]) -> None:
        self._clock = clock
        self._report = report
        self._cache: dict[str, tuple[float, tuple[JWK, ...]]] = {}
        self._fetches: dict[str, asyncio.Task[tuple[JWK, ...]]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def keys_of(self, client: Client) -> tuple[JWK, ...]:
        """The keys that may verify this client's assertions; none when its URL cannot be read."""
        url = client.jwks_url
        if url is None:
            return client.keys
        kept_until, keys = self._cache.get(url, (0.0, ()))
        if self._clock.monotonic() < kept_until:
            return keys
        # All who ask meanwhile share one fetch, which outlives whoever began it.
        if url not in self._fetches:
            task = asyncio.create_task(self._fetch(url))
            task.add_done_callback(lambda _: self._fetches.pop(url, None))
            self._fetches[url] = task
        return await asyncio.shield(self._fetches[url])

    async def close(self) -> None:
        """Drop fetches under way and the connections."""
        fetches = list(self._fetches.values())
        for task in fetches:
            task.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _fetch(self, url: str) -> tuple[JWK, ...]:
        try:
            keys, max_age = await self._request(url)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            self._cache.pop(url, None)
            reason = str(error) if isinstance(error, PublicKeyInvalid) else type(error).__name__
            self._report(f"{url}: no JWK Set could be read ({reason})")
            return ()
        now = self._clock.monotonic()
        self._cache = {u: kept for u, kept in self._cache.items() if kept[0] > now}
        self._cache[url] = (now + max_age, keys)
        return keys

    async def _request(self, url: str) -> tuple[tuple[JWK, ...], int]:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout)
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise PublicKeyInvalid(f"status {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise PublicKeyInvalid(f"more than {MAX_BYTES} bytes")
            max_age = cache_seconds(response.headers.get("Cache-Control", ""))
        return check_key_set(json.loads(body)), max_age


def cache_seconds(cache_control: str) -> int:
    """How long an answer with this `Cache-Control` (RFC 9111 §5.2.2) is kept, in seconds."""
    directives = cache_control.lower()
    if "no-store" in directives or "no-cache" in directives:
        return 0
    match = re.search(r'\bmax-age="?(\d{1,9})', directives)
    return min(int(match[1]), MAX_AGE_SECONDS) if match else MAX_AGE_SECONDS
