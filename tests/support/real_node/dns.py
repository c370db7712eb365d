"""Names of Services, as a cluster's DNS answers them: A records below `svc.cluster.local`.

RFC 1035 §4.1; Kubernetes DNS-Based Service Discovery 1.1. Every other name does not exist.
"""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import Callable, Sequence
from typing import cast

ZONE = "svc.cluster.local"
TYPE_A, CLASS_IN = 1, 1
NAME_ERROR = 3
SECONDS_TO_LIVE = 5
ANSWER, AUTHORITATIVE, RECURSION_AVAILABLE = 0x8000, 0x0400, 0x0080

Lookup = Callable[[str], Sequence[str] | None]
"""Addresses of a name in lower case without its last dot; None when there is no such name."""


class NameServer(asyncio.DatagramProtocol):
    """Answers over UDP."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(answer(data, self._lookup), addr)


def answer(query: bytes, lookup: Lookup) -> bytes:
    """The answer to a message with one question."""
    (identifier, flags) = struct.unpack_from("!HH", query)
    labels, end = [], 12
    while length := query[end]:
        labels.append(query[end + 1 : end + 1 + length].decode("ascii", "replace"))
        end += 1 + length
    kind, _ = struct.unpack_from("!HH", query, end + 1)
    question = query[12 : end + 5]
    addresses = lookup(".".join(labels).lower())
    records = addresses if addresses and kind == TYPE_A else ()
    # The opcode and "recursion desired" come back as they were.
    flags = flags & 0x7900 | ANSWER | AUTHORITATIVE | RECURSION_AVAILABLE
    flags |= NAME_ERROR if addresses is None else 0
    header = struct.pack("!HHHHHH", identifier, flags, 1, len(records), 0, 0)
    # 0xC00C: the name of the question.
    answers = b"".join(
        struct.pack("!HHHIH", 0xC00C, TYPE_A, CLASS_IN, SECONDS_TO_LIVE, 4)
        + ipaddress.IPv4Address(address).packed
        for address in records
    )
    return header + question + answers
