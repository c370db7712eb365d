"""One credential, from what is seen to what is done: gather, decide, act, report.

key ─▶ read target ─▶ decide ─┬▶ Issue: read key ─▶ wait for the endpoint ─▶ (key again)
                              ├▶ Write: target ─▶ decide again
                              └▶ Keep, Refuse ─▶ report ─▶ due again at
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.failures import failed, note_write_failure
from redox_operator.controllers.key_reading import LOOK_INTERVAL, KeyReader
from redox_operator.controllers.observing import Observer
from redox_operator.controllers.records import Record, Records, is_newer
from redox_operator.controllers.reporting import Reporter
from redox_operator.controllers.situations import facts, situation, situation_of_invalid
from redox_operator.controllers.workqueue import Workqueue
from redox_operator.controllers.write_gate import NotLeading
from redox_operator.controllers.writing import Writer
from redox_operator.domain.conditions import STALLS_LATER_AFTER
from redox_operator.domain.credential import Credential, Key
from redox_operator.domain.errors import (
    ClusterError,
    Conflict,
    CredentialError,
    NotFound,
    Retry,
    TargetError,
    TokenRequestError,
)
from redox_operator.domain.policies import (
    Decision,
    Issue,
    Keep,
    Observed,
    Refuse,
    Write,
    decide,
    target_differs,
)
from redox_operator.domain.status import Facts

logger = logging.getLogger(__name__)

MAX_WRITES = 5
"""Writes of one run; whoever changes the target faster than that gets a pause."""
UNSEEN_AFTER = 60.0
"""Seconds for which an earlier process' word of a target that cannot be read still stands."""
LOOK_AGAIN = 10.0
"""Seconds until a target is looked at again that is not ours, or that others keep changing."""


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
            return self._report_invalid(record, queue)
        try:
            decision, observed = await self._act(record, credential)
        except NotLeading:
            # Whoever leads next decides anew.
            return None
        except (ClusterError, CredentialError) as error:
            return None if record.gone else self._put_off(record, credential, error, queue)
        if record.gone:
            # It was deleted meanwhile, or all is read anew: nothing of it is wanted any more.
            return None
        if isinstance(decision, Issue):
            self._ask(record, observed, queue)
        self._look_at_key(record, observed, queue)
        retry = self._report(record, observed, queue)
        return self._next(record, observed, decision, retry)

    def _report(self, record: Record, observed: Observed, queue: Workqueue) -> float | None:
        told = situation(record, observed)
        return self.reporter.report(record, told, facts(record, observed, told), queue.add)

    async def _act(self, record: Record, credential: Credential) -> tuple[Decision, Observed]:
        """Read and write the target until the decision is not about it."""
        for attempt in range(MAX_WRITES + 1):
            if self._must_read(record):
                await self.writer.read(record, credential)
            observed = self.observer.observe(record, credential)
            decision = decide(observed)
            self._note_refusal(record, decision)
            if not isinstance(decision, Write) or attempt == MAX_WRITES:
                if _needs_no_write(decision, observed):
                    record.write_failure = None
                    observed = replace(observed, write_failure=None)
                if self._needs_no_request(record, decision, observed):
                    record.request_failure = None
                    observed = replace(observed, request_failure=None)
                return decision, observed
            await self.writer.write(record, observed)
            failure = record.write_failure
            outdated = failure is not None and isinstance(failure.error, Conflict | NotFound)
            if failure is not None and outdated and failure.attempts == 1:
                # What was seen was not what is there: at once, the target is read again.
                record.write_failure = replace(failure, retry_at=self.clock.read().boot)
        raise AssertionError("unreachable")

    def _needs_no_request(self, record: Record, decision: Decision, observed: Observed) -> bool:
        """Whether a request that failed is over: it was for other inputs, and none is due."""
        failure, credential = observed.request_failure, observed.credential
        if failure is None or credential.suspend or not isinstance(decision, Keep):
            return False
        if not isinstance(failure.error, TokenRequestError) or observed.live_token is None:
            return False
        return record.inputs != self.observer.inputs(credential)

    def _must_read(self, record: Record) -> bool:
        if not record.target_known:
            return True
        seen = None if record.target is None else record.target.resource_version
        if record.target_version is not None and is_newer(record.target_version, seen):
            return True
        return self._seconds_to_read(record) == 0

    def _seconds_to_read(self, record: Record) -> float | None:
        """Seconds until a target that is not watched is read again."""
        if self.read_targets_every is None:
            return None
        return max(0.0, record.target_read_at + self.read_targets_every - self.clock.read().boot)

    def _note_refusal(self, record: Record, decision: Decision) -> None:
        if isinstance(decision, Refuse):
            self._refuse(record, decision.error)
            if isinstance(decision.error, TargetError):
                # A foreign Secret carries no label of ours: no watch tells when it goes.
                record.target_known = False
        elif record.refusal is not None:
            record.refusal, record.free_since = None, self.clock.read().boot

    def _refuse(self, record: Record, error: CredentialError) -> None:
        now, boot = self.observer.now(record), self.clock.read().boot
        record.refusal = failed(record.refusal, error, now=now, boot=boot, before_deadline=False)

    def _ask(self, record: Record, observed: Observed, queue: Workqueue) -> None:
        """Have the key read, then wait for the endpoint's turn; both add the key again."""
        endpoint = self.observer.endpoints.get(observed.credential.endpoint)
        if endpoint is None or endpoint.is_asking(record.key):
            return
        if record.key not in endpoint and not self.keys.is_fresh(record):
            self.keys.start(record, queue, to_sign=True)
            return
        endpoint.add(record.key, *self.observer.turn(record))

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

    def _report_invalid(self, record: Record, queue: Workqueue) -> float | None:
        if isinstance(record.credential, Credential):
            return 0.0
        self._refuse(record, record.credential)
        told = situation_of_invalid(record, self.observer)
        retry = self.reporter.report(record, told, Facts(), queue.add)
        if told.token is None or not told.live:
            return retry
        until_expiry = told.token.expires_at - told.now
        return until_expiry if retry is None else min(retry, until_expiry)

    def _put_off(
        self,
        record: Record,
        credential: Credential,
        error: ClusterError | CredentialError,
        queue: Workqueue,
    ) -> float | None:
        """The target could not be read: nothing is decided blindly.

        But a token that was seen before expires all the same, and that is told.
        """
        note_write_failure(record, self.observer, error)
        logger.warning("put off: %s", error, extra={"credential": str(record.key)})
        observed = self.observer.observe(record, credential)
        failure = observed.write_failure
        known = record.target_read_at > float("-inf") or isinstance(error, CredentialError)
        # An earlier process may have seen what this one does not, so its word stands for a while.
        word_stands = bool((record.status or {}).get("conditions"))
        lasts = failure is not None and observed.now - failure.since > UNSEEN_AFTER
        retry = None
        if known or lasts or not word_stands:
            retry = self._report(record, observed, queue)
        times = [] if failure is None else [failure.retry_at]
        return self._following(record, observed, times, retry)

    def _next(
        self, record: Record, observed: Observed, decision: Decision, retry: float | None
    ) -> float | None:
        now, times = self.observer.now(record), []
        if isinstance(decision, Keep) and decision.until is not None:
            times.append(decision.until)
        if isinstance(decision, Refuse | Write):
            times.append(now + LOOK_AGAIN)
        pauses = [self._seconds_to_read(record)]
        if isinstance(decision, Issue):
            # Its turn may be long in coming: why is told.
            pauses.append(LOOK_AGAIN)
        if not observed.credential.suspend:
            pauses.append(self._seconds_to_look(record))
        times += [now + pause for pause in pauses if pause is not None]
        return self._following(record, observed, times, retry)

    def _following(
        self, record: Record, observed: Observed, times: list[float], retry: float | None
    ) -> float | None:
        """Seconds until the first of these times, or of those at which status changes."""
        # Reporting took time: what has become due meanwhile is due now.
        now = self.observer.now(record)
        if retry is not None:
            times = [*times, now + retry]
        # The stored token may be another than the held one: each is told when it expires.
        tokens = (observed.token, situation(record, observed).token)
        failures = (record.request_failure, record.write_failure)
        turns = [token.expires_at for token in tokens if token is not None]
        turns += [each.since + STALLS_LATER_AFTER for each in failures if each is not None]
        times = [*times, *(turn for turn in turns if turn > observed.now)]
        return min(times) - now if times else None


def _needs_no_write(decision: Decision, observed: Observed) -> bool:
    """Whether a write that failed is over: nothing is to be written any more."""
    if observed.write_failure is None or isinstance(decision, Write):
        return False
    if isinstance(decision, Refuse):
        return True
    unfailed = replace(observed, write_failure=None)
    return observed.live_token is not None and target_differs(unfailed) is None
