"""Calls with mounted tokens: what Redox answers to whoever reads the file now."""

from __future__ import annotations

import itertools
import ssl
from collections import Counter
from collections.abc import Iterable

import httpx

from tests.support.mounted_readers import Mount, read_keys
from tests.support.redox_sandbox import RedoxSandbox
from tests.support.worker import Worker

PAUSE_SECONDS = 0.1
TIMEOUT = 5.0


class FhirCaller(Worker):
    """Asks FHIR with the token of one mount after the other, in a thread of its own."""

    def __init__(self, redox: RedoxSandbox, mounts: Iterable[Mount]) -> None:
        super().__init__()
        self.answers: Counter[int] = Counter()
        """How often each HTTP status came; 0 stands for no answer."""
        self._mounts = list(mounts)
        self._http = httpx.Client(
            base_url=redox.fhir_base_url,
            verify=ssl.create_default_context(cafile=redox.ca_file),
            timeout=TIMEOUT,
            trust_env=False,
        )

    def work(self) -> None:
        """Call until it is told to stop."""
        with self._http:
            for mount in itertools.cycle(self._mounts):
                if self.stopping.wait(PAUSE_SECONDS):
                    return
                (authorization,) = read_keys(mount.directory, "authorization")
                self.answers[self._call(authorization)] += 1

    def _call(self, authorization: str) -> int:
        headers = {"Authorization": authorization}
        try:
            return self._http.get("/Patient", params={"_count": "1"}, headers=headers).status_code
        except httpx.TransportError:
            return 0
