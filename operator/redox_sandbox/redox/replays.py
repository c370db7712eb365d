"""Single use of assertions, and how often one was seen again."""

from __future__ import annotations

from collections import OrderedDict

SIGHTING_SECONDS = 900
MAX_SIGHTINGS = 100_000


class Replays:
    """The `jti` that each issuer has used, each kept as long as its assertion could be accepted.

    Times are elapsed seconds, so a shift of the wall clock forgets nothing.
    """

    def __init__(self) -> None:
        self._spent: dict[tuple[str, str], float] = {}
        self._next_sweep = 0.0

    def spend(self, issuer: str, jti: str, until: float, now: float) -> bool:
        """Use a `jti` up; False when its issuer has used it before."""
        if now >= self._next_sweep:
            self._spent = {key: end for key, end in self._spent.items() if end > now}
            self._next_sweep = now + 10
        if self._spent.get((issuer, jti), now) > now:
            return False
        self._spent[issuer, jti] = until
        return True

    def __len__(self) -> int:
        return len(self._spent)


class Sightings:
    """Counts a `jti` that comes again within a quarter of an hour, whatever became of the first.

    Unlike `Replays` this also sees requests that a fault swallowed, and judges nothing.
    """

    def __init__(self) -> None:
        self.repeated = 0
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def see(self, issuer: str, jti: str, now: float) -> None:
        """Note one sighting at `now`, elapsed seconds."""
        while self._seen:
            oldest = next(iter(self._seen.values()))
            if oldest > now - SIGHTING_SECONDS and len(self._seen) < MAX_SIGHTINGS:
                break
            self._seen.popitem(last=False)
        if (issuer, jti) in self._seen:
            self.repeated += 1
        else:
            self._seen[issuer, jti] = now

    def clear(self) -> None:
        """Forget everything, the count too."""
        self.repeated = 0
        self._seen.clear()
