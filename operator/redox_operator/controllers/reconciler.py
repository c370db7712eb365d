"""One credential, from what is seen to what is done: gather, decide, act, report.

key ─▶ read target ─▶ decide ─┬▶ Issue: read key ─▶ wait for the endpoint ─▶ (key again)
                              ├▶ Write: target ─▶ decide again
                              └▶ Keep, Refuse ─▶ report ─▶ due again at
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.failures import failed
from redox_operator.controllers.key_reading import LOOK_INTERVAL, KeyReader
from redox_operator.controllers.observing import Observer
from redox_operator.controllers.records import Record, Records, is_newer
from redox_operator.controllers.reporting import (
    Reporter,
    facts,
    situation,
    situation_of_invalid,
)
from redox_operator.controllers.workqueue import Workqueue
from redox_operator.controllers.writing import Writer
from redox_operator.domain.conditions import STALLS_LATER_AFTER
from redox_operator.domain.credential import Credential, Key
from redox_operator.domain.errors import ClusterError, CredentialError, Retry, TargetError
from redox_operator.domain.policies import Decision, Issue, Keep, Observed, Refuse, Write, decide
from redox_operator.domain.status import Facts

logger = logging.getLogger(__name__)

MAX_WRITES = 5
"""Writes of one run; whoever changes the target faster than that gets a pause."""
LOOK_AGAIN = 10.0
"""Seconds until a refused credential is looked at again: a foreign Secret may have gone."""


@dataclass(slots=True)
class Reconciler:
    """Orders the steps; each is a module of its own."""

    records: Records
    observer: Observer
    clock: Clock
    keys: KeyReader
    writer: Writer
    reporter: Reporter
    read_targets_every: float | None
    """Seconds between reads of a target that is not watched; None where targets are watched."""

    async def reconcile(self, key: Key, queue: Workqueue) -> float | None:
        """Bring one credential in line; in how many seconds it is due again."""
        record = self.records.get(key)
        if record is None:
            return None
        credential = record.credential
        if not isinstance(credential, Credential):
            return await self._report_invalid(record)
        try:
            decision, observed = await self._act(record, credential)
        except (ClusterError, CredentialError) as error:
            return self._put_off(record, error)
        if isinstance(decision, Issue):
            self._ask(record, observed, queue)
        self._look_at_key(record, observed, queue)
        retry = await self.reporter.report(
            record, situation(record, observed), facts(record, observed)
        )
        return self._next(record, observed, decision, retry)

    async def _act(self, record: Record, credential: Credential) -> tuple[Decision, Observed]:
        """Read and write the target until the decision is not about it."""
        for attempt in range(MAX_WRITES + 1):
            if self._must_read(record):
                await self.writer.read(record, credential)
            observed = self.observer.observe(record, credential)
            decision = decide(observed)
            self._note_refusal(record, decision, observed)
            if not isinstance(decision, Write) or attempt == MAX_WRITES:
                return decision, observed
            await self.writer.write(record, observed)
            if record.write_failure is not None and record.write_failure.attempts == 1:
                # The first conflict is answered at once, by reading again.
                record.write_failure = replace(record.write_failure, retry_at=observed.now)
        raise AssertionError("unreachable")

    def _must_read(self, record: Record) -> bool:
        if not record.target_known:
            return True
        seen = None if record.target is None else record.target.resource_version
        if record.target_version is not None and is_newer(record.target_version, seen):
            return True
        every = self.read_targets_every
        return every is not None and self.clock.read().boot - record.target_read_at >= every

    def _note_refusal(self, record: Record, decision: Decision, observed: Observed) -> None:
        if isinstance(decision, Refuse):
            record.refusal = failed(
                record.refusal, decision.error, observed.now, before_deadline=False
            )
            if isinstance(decision.error, TargetError):
                # A foreign Secret carries no label of ours: no watch tells when it goes.
                record.target_known = False
        else:
            record.refusal = None

    def _ask(self, record: Record, observed: Observed, queue: Workqueue) -> None:
        """Have the key read, then wait for the endpoint's turn; both add the key again."""
        endpoint = self.observer.endpoints.get(observed.credential.endpoint)
        if endpoint is None or record.key in endpoint:
            return
        if not self.keys.is_fresh(record):
            self.keys.start(record, queue, to_sign=True)
            return
        endpoint.add(record.key, self.observer.deadline(record))

    def _look_at_key(self, record: Record, observed: Observed, queue: Workqueue) -> None:
        """See whether the key changed: after a restart once, after a rejection repeatedly."""
        if observed.credential.suspend or self._seconds_to_look(record) is None:
            return
        if self._seconds_to_look(record) == 0:
            self.keys.start(record, queue, to_sign=False)

    def _seconds_to_look(self, record: Record) -> float | None:
        failure = record.request_failure
        rejected = (
            failure is not None
            and isinstance(failure.error, CredentialError)
            and failure.error.retry is Retry.REJECTED
        )
        unknown = record.key_reading is None and record.token_input_hash is not None
        if not (rejected or unknown) or record.key_pending:
            return None
        return max(0.0, record.key_looked_at + LOOK_INTERVAL - self.clock.read().boot)

    async def _report_invalid(self, record: Record) -> float | None:
        if isinstance(record.credential, Credential):
            return 0.0
        now = self.observer.now(record)
        record.refusal = failed(record.refusal, record.credential, now, before_deadline=False)
        return await self.reporter.report(record, situation_of_invalid(record, now), Facts())

    def _put_off(self, record: Record, error: ClusterError | CredentialError) -> float:
        """The target could not be read: nothing is decided blindly."""
        now = self.observer.now(record)
        before_deadline = now < self.observer.deadline(record)
        record.write_failure = failed(
            record.write_failure, error, now, before_deadline=before_deadline
        )
        logger.warning("put off: %s", error, extra={"credential": str(record.key)})
        return record.write_failure.retry_at - now

    def _next(
        self, record: Record, observed: Observed, decision: Decision, retry: float | None
    ) -> float | None:
        delays = [] if retry is None else [retry]
        if isinstance(decision, Keep) and decision.until is not None:
            delays.append(decision.until - observed.now)
        if isinstance(decision, Refuse):
            delays.append(LOOK_AGAIN)
        if self.read_targets_every is not None and not observed.credential.suspend:
            delays.append(self.read_targets_every)
        look = self._seconds_to_look(record)
        if look is not None and not observed.credential.suspend:
            delays.append(max(look, 0.1))
        token = observed.live_token
        if token is not None:
            delays.append(token.expires_at - observed.now)
        for failure in (record.request_failure, record.write_failure):
            if failure is not None:
                stalls = failure.since + STALLS_LATER_AFTER - observed.now
                delays += [stalls] if stalls > 0 else []
        return min(delays, default=None)
