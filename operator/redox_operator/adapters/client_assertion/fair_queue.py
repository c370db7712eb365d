"""Work of many tenants for one worker."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Tenants take turns; what one tenant adds is served in the order in which it was added."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Item]] = OrderedDict()

    def add(self, tenant: str, item: Item) -> None:
        """Put an item behind the tenant's others."""
        self._waiting.setdefault(tenant, deque()).append(item)

    def take(self) -> Item | None:
        """The next item of the tenant whose turn it is, or None when nothing waits."""
        if not self._waiting:
            return None
        tenant, items = self._waiting.popitem(last=False)
        item = items.popleft()
        if items:
            self._waiting[tenant] = items
        return item
