"""Authentication for httpx: `httpx.Client(auth=MountedToken())`, or an `AsyncClient`."""

from collections.abc import Generator
from pathlib import Path

import httpx


class MountedToken(httpx.Auth):
    """Sends the mounted token, read anew for every request.

    A 401 is tried once more if the token has changed meanwhile.
    """

    def __init__(self, directory: str | Path = "/redox") -> None:
        self._file = Path(directory) / "authorization"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """What httpx calls for each request."""
        sent = request.headers["Authorization"] = self._read()
        response = yield request
        if response.status_code == 401 and (newer := self._read()) != sent:
            request.headers["Authorization"] = newer
            yield request

    def _read(self) -> str:
        try:
            return self._file.read_text()
        except FileNotFoundError:
            # This version was removed while the link to it was followed; the next is in place.
            return self._file.read_text()
