"""What has been asked, for tests that count requests or prove that none was made."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from redox_sandbox.kubernetes.objects import Object


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request; `code` is 0 when it got no answer, a watch is logged when it begins."""

    time: str
    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    user_agent: str
    code: int

    def as_object(self) -> Object:
        """Return it as JSON, with the names that the admin path uses."""
        fields = asdict(self)
        fields["userAgent"] = fields.pop("user_agent")
        return fields


class RequestLog:
    """The last requests, oldest first; bodies are never kept."""

    def __init__(self, limit: int = 100_000) -> None:
        self._requests: deque[LoggedRequest] = deque(maxlen=limit)

    def add(self, request: LoggedRequest) -> None:
        """Append a request."""
        self._requests.append(request)

    def find(self, **wanted: str | int) -> list[LoggedRequest]:
        """Return the requests whose fields have these values; of `user_agent` a part is enough.

        Raises:
            AttributeError: there is no such field.
        """
        return [request for request in self._requests if _has(request, wanted)]

    def clear(self) -> None:
        """Forget all."""
        self._requests.clear()

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(self._requests)

    def __len__(self) -> int:
        return len(self._requests)


def _has(request: LoggedRequest, wanted: dict[str, str | int]) -> bool:
    for name, value in wanted.items():
        actual = str(getattr(request, name))
        matches = str(value) in actual if name == "user_agent" else str(value) == actual
        if not matches:
            return False
    return True
