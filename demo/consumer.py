"""An application that reads its token from a mounted directory before each call."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import httpx

from demo.redox import TOKEN_LIFETIME, Redox
from demo.state import Readings

INTERVAL_SECONDS = 2.0
TIMEOUT = 5.0
_QUERY = {
    "Meta": {"DataModel": "PatientSearch", "EventType": "Query"},
    "Patient": {"Demographics": {"FirstName": "Ada", "LastName": "Example"}},
}


@dataclass(frozen=True, slots=True)
class MountedToken:
    """What one read of the directory gave."""

    access_token: str = field(repr=False)
    authorization: str = field(repr=False)
    expires_at: float


def read_token(directory: Path) -> MountedToken | None:
    """The token and its expiry, of one and the same version; None before there is one."""
    while True:
        try:
            # Two files read through ..data could be of two versions.
            content = (directory / "..data").resolve(strict=True)
        except FileNotFoundError:
            return None
        try:
            return MountedToken(
                access_token=(content / "access_token").read_text(),
                authorization=(content / "authorization").read_text(),
                expires_at=datetime.fromisoformat((content / "expires_at").read_text()).timestamp(),
            )
        except FileNotFoundError:
            # It was replaced in between.
            if content.exists():
                raise


def note_read(readings: Readings, expires_at: float, now: float) -> Readings:
    """The readings after a token that dies at `expires_at` was read."""
    remaining = expires_at - now
    age = TOKEN_LIFETIME - remaining
    least, oldest = readings.least_remaining, readings.oldest_age
    return replace(
        readings,
        stale_reads=readings.stale_reads + (remaining <= 0),
        least_remaining=remaining if least is None else min(least, remaining),
        oldest_age=age if oldest is None else max(oldest, age),
    )


@dataclass(slots=True)
class Consumer:
    """Calls FHIR every two seconds, and the Data Model once with each new token."""

    directory: Path
    family: str
    redox: Redox
    clock: Callable[[], float] = time.time
    readings: Readings = field(default_factory=Readings)
    _used: set[float] = field(default_factory=set)
    """The expiries of the tokens that worked; a token itself is never kept."""

    async def run(self) -> None:
        """Work until cancelled."""
        trusted = ssl.create_default_context(cafile=str(self.redox.ca_file))
        async with httpx.AsyncClient(verify=trusted, timeout=TIMEOUT, trust_env=False) as http:
            while True:
                token = read_token(self.directory)
                if token is not None:
                    self.readings = note_read(self.readings, token.expires_at, self.clock())
                    await self.work(http, token)
                await asyncio.sleep(INTERVAL_SECONDS if token is not None else 0.2)

    async def work(self, http: httpx.AsyncClient, token: MountedToken) -> None:
        """One round of calls with a token; how it went is in the readings."""
        found = await self._call_fhir(http, token)
        if found is None:
            self.readings = replace(self.readings, calls_failed=self.readings.calls_failed + 1)
            return
        is_new = token.expires_at not in self._used
        self._used.add(token.expires_at)
        self.readings = replace(
            self.readings,
            calls_ok=self.readings.calls_ok + 1,
            tokens_used=len(self._used),
            last_call=f"GET Patient?family={self.family}: 200, {found} patients",
        )
        if is_new:
            await self._call_data_model(http, token)

    async def _call_fhir(self, http: httpx.AsyncClient, token: MountedToken) -> int | None:
        """How many patients were found; None when the call failed."""
        try:
            answer = await http.get(
                f"{self.redox.fhir_base_url}/Patient",
                params={"family": self.family},
                headers={"Authorization": token.authorization},
            )
            answer.raise_for_status()
            return int(answer.json()["total"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            self._fail("FHIR", error)
            return None

    async def _call_data_model(self, http: httpx.AsyncClient, token: MountedToken) -> None:
        ok, failed = self.readings.data_model_ok, self.readings.data_model_failed
        try:
            answer = await http.post(
                self.redox.data_model_url,
                json=_QUERY,
                headers={"Authorization": f"Bearer {token.access_token}"},
            )
            answer.raise_for_status()
            ok += int(answer.json()["Patient"] is not None)
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            failed += 1
            self._fail("the Data Model", error)
        self.readings = replace(self.readings, data_model_ok=ok, data_model_failed=failed)

    def _fail(self, called: str, error: Exception) -> None:
        # Neither the answer nor the text of the error: both could hold what was sent.
        what = (
            str(error.response.status_code)
            if isinstance(error, httpx.HTTPStatusError)
            else type(error).__name__
        )
        self.readings = replace(self.readings, last_failure=f"{called} answered {what}")
