"""Reading and checking private keys, beside the queue: one tenant's slow keys hold up nobody."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.failures import note_request_failure, place_of
from redox_operator.controllers.observing import Observer
from redox_operator.controllers.ports import KeyParserPort, SecretsPort
from redox_operator.controllers.records import KeyReading, Record, key_source
from redox_operator.controllers.workqueue import Workqueue
from redox_operator.domain.credential import Credential
from redox_operator.domain.errors import (
    ClusterError,
    CredentialError,
    KeyInvalid,
    KeyNotFound,
    RedoxOperatorError,
)
from redox_operator.domain.private_key import KeySet, KeySetSummary, content_hash

logger = logging.getLogger(__name__)

FRESH = 30.0
"""Seconds for which a key that was read is not read again: the wait for an endpoint's turn."""
LOOK_INTERVAL = 10.0
"""Seconds between looks at a key that is missing, invalid or rejected."""


@dataclass(slots=True)
class KeyReader:
    """Starts readings in tasks of their own; each adds its credential to the queue at its end."""

    secrets: SecretsPort
    parser: KeyParserPort
    observer: Observer
    clock: Clock
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _moved_at: float = float("-inf")
    """Boot clock when the parser settled a key last, or the first of these tasks began."""

    def __post_init__(self) -> None:
        """Hear of each key that the parser settles."""
        self.parser.on_settled = self._note_moved

    @property
    def moved_at(self) -> float:
        """Boot clock until when the parser was at work, as far as is known; now, without work."""
        return self._moved_at if self.tasks else self.clock.read().boot

    def is_fresh(self, record: Record) -> bool:
        """Whether the checked key may sign now."""
        reading = record.key_reading
        if reading is None or reading.keys is None:
            return False
        return self.clock.read().boot - reading.at < FRESH

    def start(self, record: Record, queue: Workqueue, *, to_sign: bool) -> None:
        """Read the key: checked for signing, or only to see whether it changed."""
        if record.key_pending:
            return
        record.key_pending = True
        if not self.tasks:
            self._note_moved()
        task = asyncio.create_task(self._read(record, queue, to_sign), name=f"key {record.key}")
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _note_moved(self) -> None:
        self._moved_at = self.clock.read().boot

    async def _read(self, record: Record, queue: Workqueue, to_sign: bool) -> None:
        credential = record.credential
        try:
            if isinstance(credential, Credential):
                record.key_looked_at = self.clock.read().boot
                await self._read_into(record, credential, to_sign)
        except Exception as error:  # noqa: BLE001 - without a failure it would be read in a loop
            logger.error(  # noqa: TRY400 - its text is what must not be shown
                "reading the key of %s failed unexpectedly: %s", record.key, place_of(error)
            )
            if isinstance(credential, Credential):
                self._fail(record, credential, RedoxOperatorError("The key could not be read."))
        finally:
            record.key_pending = False
            if not record.gone:
                queue.add(record.key)

    async def _read_into(self, record: Record, credential: Credential, to_sign: bool) -> None:
        parse = self.parser.parse if to_sign else self.parser.inspect
        try:
            content = await self.secrets.read_private_key(credential)
            seen = content_hash(content)
            known = record.key_reading
            # Nothing new: a rejected key stays rejected, a checked one checked.
            if not to_sign and known is not None and known.content_hash == seen:
                return
            parsed = await parse(
                content,
                namespace=credential.key.namespace,
                key_id=credential.key_id,
                algorithm=credential.algorithm,
            )
        except ClusterError as error:
            if to_sign:
                self._fail(record, credential, error)
            return
        except CredentialError as error:
            # A look that finds no key now says nothing about the token that is held.
            if to_sign or record.request_failure is not None:
                self._fail(record, credential, error)
            return
        # The spec may have changed in the meantime: what it names now is read next.
        if key_source(record.credential) == key_source(credential):
            self._take(record, parsed, seen)

    def _take(self, record: Record, parsed: KeySet | KeySetSummary, seen: str) -> None:
        known, failure = record.key_reading, record.request_failure
        record.key_reading = KeyReading(
            content_hash=seen,
            thumbprint=parsed.first.thumbprint,
            at=self.clock.read().boot,
            keys=parsed if isinstance(parsed, KeySet) else None,
        )
        if failure is not None and isinstance(failure.error, KeyNotFound | KeyInvalid):
            record.request_failure = failure = None
            record.free_since = self.clock.read().boot
        if known is None or known.content_hash == seen:
            return
        record.key_choice = None
        if failure is not None:
            # Another key may be accepted, and deserves the first attempts of its own.
            now = self.clock.read().boot
            record.request_failure = replace(failure, attempts=0, retry_at=now)

    def _fail(self, record: Record, credential: Credential, error: RedoxOperatorError) -> None:
        if key_source(record.credential) == key_source(credential):
            note_request_failure(record, self.observer, self.observer.inputs(credential), error)
