"""What the handlers share."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web

from .clients_file import ClientsFile
from .clock import Clock
from .faults import Faults
from .journal import Journal
from .key_sets import KeySets
from .rate_limit import RateLimit
from .replays import Replays
from .tokens import Tokens


@dataclass(slots=True)
class State:
    """The running sandbox without its sockets. `base_url` is known once it listens."""

    clock: Clock
    clients: ClientsFile
    key_sets: KeySets
    faults: Faults
    rate_limit: RateLimit
    token_lifetime: int
    revoke_earlier: bool
    base_url: str = ""
    journal: Journal = field(default_factory=Journal)
    replays: Replays = field(default_factory=Replays)
    tokens: Tokens = field(default_factory=Tokens)

    @property
    def token_url(self) -> str:
        """The token endpoint's URL, which is also the audience of assertions."""
        return self.base_url + "/v2/auth/token"


STATE = web.AppKey("state", State)
