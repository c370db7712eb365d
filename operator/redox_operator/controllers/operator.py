"""Everything put together: who calls whom, and in which order it starts and stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from redox_operator.controllers.clock import Clock
from redox_operator.controllers.endpoint_queues import EndpointQueues
from redox_operator.controllers.health import Health
from redox_operator.controllers.issuing import Issuer
from redox_operator.controllers.key_reading import KeyReader
from redox_operator.controllers.leadership import Leadership, LeasesPort
from redox_operator.controllers.maintenance import EndpointsFilePort, Maintenance
from redox_operator.controllers.observation import Observation
from redox_operator.controllers.observing import Observer
from redox_operator.controllers.overview import Overview
from redox_operator.controllers.ports import (
    CredentialsPort,
    EventsPort,
    KeyParserPort,
    MetricsPort,
    SecretsPort,
    SignPort,
    TokenEndpointPort,
)
from redox_operator.controllers.reconciler import Reconciler
from redox_operator.controllers.records import Records
from redox_operator.controllers.reporting import EventPoster, Reporter
from redox_operator.controllers.resync import Resync
from redox_operator.controllers.supervisor import Supervisor
from redox_operator.controllers.watch import Watch
from redox_operator.controllers.watch_requests import ConnectionPort
from redox_operator.controllers.workqueue import Workqueue
from redox_operator.controllers.write_gate import GatedCredentials, GatedEvents, GatedSecrets
from redox_operator.controllers.writing import Writer
from redox_operator.domain.credential import Key
from redox_operator.domain.refresh import Margins

logger = logging.getLogger(__name__)

DRIFT_INTERVAL = 60.0
"""Seconds between reads of a target that is not watched."""
STOP_TIMEOUT = 3.0
"""Seconds for a write in flight to finish."""
STATUS_TIMEOUT = 0.5
"""The same for a status, which the next process writes anyway."""


@dataclass(frozen=True, slots=True)
class World:
    """All that the operator works on."""

    clock: Clock
    connection: ConnectionPort
    secrets: SecretsPort
    credentials: CredentialsPort
    events: EventsPort
    key_parser: KeyParserPort
    sign: SignPort
    new_jti: Callable[[], str]
    token_endpoint: TokenEndpointPort
    endpoints_file: EndpointsFilePort
    metrics: MetricsPort
    leases: LeasesPort | None = None
    """None: there is one replica, and it leads."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the operator works."""

    namespaces: tuple[str, ...] = ()
    watch_secrets: bool = True
    label_selector: str | None = None
    margins: Margins = field(default_factory=Margins)
    max_lifetime_seconds: float = 86400.0
    workers: int = 20
    identity: str = ""
    """What the Lease names this process; another one for each life."""


class Operator:
    """The controllers of one process."""

    def __init__(self, world: World, options: Options, watch_class: type[Watch] = Watch) -> None:
        clock = world.clock
        self._supervisor = Supervisor()
        self._leadership = self._candidate(world, options)

        def leads() -> bool:
            return self.leads

        secrets = GatedSecrets(world.secrets, leads)
        credentials = GatedCredentials(world.credentials, leads)
        records = Records()
        self._endpoints = EndpointQueues(
            options.workers, clock, lambda *turn: issuer.issue(*turn), leads=leads
        )
        self._endpoints.configure(world.endpoints_file.endpoints)
        observer = Observer(clock, self._endpoints, options.margins, options.max_lifetime_seconds)
        self._workqueue = Workqueue(
            clock, self._run, lambda key: _deadline(records, observer, key), leads=leads
        )
        issuer = Issuer(
            records=records,
            observer=observer,
            clock=clock,
            sign=world.sign,
            new_jti=world.new_jti,
            token_endpoint=world.token_endpoint,
            metrics=world.metrics,
            done=self._workqueue.add,
        )
        self._events = EventPoster(GatedEvents(world.events, leads))
        self._reporter = Reporter(credentials, observer, clock, self._events)
        keys = KeyReader(secrets, world.key_parser, observer, clock)
        self._reconciler = Reconciler(
            records=records,
            observer=observer,
            clock=clock,
            keys=keys,
            writer=Writer(secrets, observer, clock, world.metrics),
            reporter=self._reporter,
            read_targets_every=None if options.watch_secrets else DRIFT_INTERVAL,
        )
        self._observation = observation = Observation(
            records, self._workqueue, self._endpoints, clock, leads
        )
        self._resync = Resync(
            credentials=credentials,
            targets=secrets if options.watch_secrets else None,
            namespaces=options.namespaces,
            observation=observation,
            clock=clock,
            on_older_revision=lambda: self._watch.restart(),
            on_missed=lambda *what: self._watch.missed(*what),
        )
        self._watch = watch_class(
            connection=world.connection,
            namespaces=options.namespaces,
            watch_secrets=options.watch_secrets,
            label_selector=options.label_selector,
            on_credential=observation.credential,
            on_target=observation.target,
            on_restart=self._resync.ask,
            on_reopened=self._resync.ask,
            on_revision=self._resync.saw,
        )
        self._maintenance = Maintenance(
            clock,
            world.endpoints_file,
            self._endpoints,
            on_change=observation.everything,
            on_clock_set=observation.clock_set,
        )
        self.overview = Overview(
            records,
            observer,
            self._workqueue,
            self._resync,
            self._maintenance,
            leads,
            keys_moved_at=lambda: keys.moved_at,
        )
        self.health = Health(
            clock,
            self._workqueue,
            self._watch,
            self._resync,
            self._maintenance,
            self._supervisor,
            self.overview,
            self._leadership,
        )

    async def run(self, stop: asyncio.Event) -> int:
        """Work until told to stop; the exit code of the process."""
        start = self._supervisor.start
        start("maintenance", self._maintenance.loop())
        start("workqueue", self._workqueue.loop())
        start("endpoint queues", self._endpoints.loop())
        start("events", self._events.loop())
        start("rates", self.overview.warn_of_busy_endpoints())
        start("list", self._resync.loop())
        start("watch", self._watch_when_listed())
        if self._leadership is not None:
            start("leadership", self._campaign(self._leadership))
        stopped = asyncio.create_task(stop.wait())
        ended = asyncio.create_task(self._supervisor.wait())
        await asyncio.wait((stopped, ended), return_when=asyncio.FIRST_COMPLETED)
        if not stopped.done():
            logger.error("%s ended, so the process does", ended.result())
        for task in (stopped, ended):
            task.cancel()
        if self._leadership is not None and not self.leads:
            # What ends must not begin to lead.
            await self._supervisor.stop("leadership")
        await self._supervisor.stop("endpoint queues")
        # The thread of the watches may take a second to end.
        await asyncio.gather(self._workqueue.drain(STOP_TIMEOUT), self._supervisor.stop("watch"))
        await self._reporter.drain(STATUS_TIMEOUT)
        if self._leadership is not None:
            await self._supervisor.stop("leadership")
            await self._leadership.release()
        await self._supervisor.stop()
        return 0 if stop.is_set() else 1

    async def _watch_when_listed(self) -> None:
        # kopf watches nothing for ever where the kind is missing when it starts.
        await self._resync.completed.wait()
        await self._watch.loop()

    async def _campaign(self, leadership: Leadership) -> None:
        # Who knows nothing yet must not go before a standby that does.
        await self._resync.completed.wait()
        await leadership.loop()

    def _candidate(self, world: World, options: Options) -> Leadership | None:
        if world.leases is None:
            return None
        return Leadership(
            world.leases,
            options.identity,
            world.clock,
            on_start=self._take_over,
            on_stop=self._stand_by,
            on_superseded=lambda: self._observation.superseded(targets=options.watch_secrets),
        )

    @property
    def leads(self) -> bool:
        """Whether this process works, and is no standby."""
        return self._leadership is None or self._leadership.leads

    def _take_over(self) -> None:
        self._observation.everything()
        self._endpoints.wake()

    def _stand_by(self) -> None:
        self._workqueue.clear()

    async def _run(self, key: Key) -> float | None:
        return await self._reconciler.reconcile(key, self._workqueue)


def _deadline(records: Records, observer: Observer, key: Key) -> float:
    record = records.get(key)
    return float("inf") if record is None else observer.deadline(record)
