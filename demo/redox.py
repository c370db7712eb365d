"""The stand-in of Redox that the demo runs on."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from demo.credentials import ENDPOINT, DemoCredential, clients_file
from demo.directory import StateDirectory
from demo.processes import Child, console_script, running

TOKEN_LIFETIME = 60.0
"""Seconds; Redox gives 300, too long to watch."""


@dataclass(frozen=True, slots=True)
class Redox:
    """The running sandbox, as its ready line describes it."""

    child: Child
    token_url: str
    fhir_base_url: str
    data_model_url: str
    ca_file: Path
    admin_url: str

    async def stats(self, http: httpx.AsyncClient) -> dict[str, Any]:
        """Its own counts: `clients`, `totals`, `repeatedJti`. Raises httpx.HTTPError."""
        answer = await http.get(f"{self.admin_url}/stats")
        answer.raise_for_status()
        stats: dict[str, Any] = answer.json()
        return stats

    def endpoints_file(self) -> str:
        """The operator's endpoints file, with this sandbox as the one entry."""
        entry = {
            "name": ENDPOINT,
            "tokenUrl": self.token_url,
            "caBundle": str(self.ca_file),
            "fhirBaseUrl": self.fhir_base_url,
        }
        return yaml.safe_dump({"endpoints": [entry]}, sort_keys=False)


@contextlib.asynccontextmanager
async def redox_sandbox(
    state: StateDirectory, credentials: Iterable[DemoCredential]
) -> AsyncIterator[Redox]:
    """`redox-sandbox redox`, which knows the public keys of these credentials."""
    clients = state.path / "clients.yaml"
    clients.write_text(clients_file(credentials))
    command = [
        str(console_script("redox-sandbox")),
        "redox",
        f"--data-dir={state.path / 'redox'}",
        f"--clients={clients}",
        f"--token-lifetime={TOKEN_LIFETIME:.0f}",
    ]
    async with running("redox", command, state) as child:
        ready = await child.ready_line()
        yield Redox(
            child=child,
            token_url=ready["tokenUrl"],
            fhir_base_url=ready["fhirBaseUrl"],
            data_model_url=ready["dataModelUrl"],
            ca_file=Path(ready["caFile"]),
            admin_url=ready["adminUrl"],
        )
