"""What a person, the cluster or the endpoint does to a simulation, one step at a time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from redox_operator.domain.credential import Key
from redox_operator.domain.errors import ResponseInvalid
from tests.support.cluster_faults import denied
from tests.support.fake_cluster import SECRETS
from tests.support.fake_token_endpoint import limited, rejected, unavailable
from tests.support.simulation import Simulation
from tests.unit.controllers.witness import Witness


@dataclass
class World:
    """The simulation, and what the steps change."""

    sim: Simulation
    witness: Witness
    down: bool = False
    number: int = 0

    def fresh(self) -> str:
        self.number += 1
        return str(self.number)


Step = Callable[[World, Key], None]


def endpoint_is(refuse: object) -> Step:
    def step(world: World, _: Key) -> None:
        world.sim.redox.refuse = refuse  # type: ignore[assignment]

    return step


def endpoint_hangs(world: World, _: Key) -> None:
    world.sim.redox.hangs = not world.sim.redox.hangs


def cluster_fails(**how: object) -> Step:
    def step(world: World, _: Key) -> None:
        world.witness.unsettle()
        world.sim.cluster.fail(**how)  # type: ignore[arg-type]

    return step


def heal(world: World, _: Key) -> None:
    world.witness.unsettle()
    world.sim.cluster.heal()
    world.sim.cluster.latency = 0.004
    world.sim.redox.refuse, world.sim.redox.hangs = lambda _: None, False
    world.sim.redox.delay = 0.05


def cluster_is_slow(world: World, _: Key) -> None:
    world.witness.unsettle()
    world.sim.cluster.latency = 3.0


def endpoint_is_slow(world: World, _: Key) -> None:
    world.sim.redox.delay = 9.0


def watch_is(*delays: tuple[float, ...]) -> Step:
    def step(world: World, _: Key) -> None:
        world.witness.unsettle()
        world.sim.cluster.delivery = lambda: random.choice(delays)

    return step


def edit(**spec: object) -> Step:
    def step(world: World, key: Key) -> None:
        if world.sim.exists(key):
            world.sim.edit(key, **spec)

    return step


def edit_client(world: World, key: Key) -> None:
    edit(clientId=f"client-{world.fresh()}")(world, key)


def ask_for_refresh(world: World, key: Key) -> None:
    if world.sim.exists(key):
        world.sim.ask_for_refresh(world.fresh(), key)


def write_key(content: str) -> Step:
    return lambda world, key: world.sim.write_key(content, key.name)


def delete_key(world: World, key: Key) -> None:
    if world.sim.cluster.get(SECRETS, "clinic", f"{key.name}-redox-key") is not None:
        world.sim.delete_key(key.name)


def delete_credential(world: World, key: Key) -> None:
    if world.sim.exists(key):
        world.sim.delete(key)


def recreate_credential(world: World, key: Key) -> None:
    delete_credential(world, key)
    world.sim.create(key.name, key=None)


def delete_target(world: World, key: Key) -> None:
    world.witness.unsettle()
    if world.sim.secret(key) is not None:
        world.sim.delete_secret(key)


def edit_target(world: World, key: Key) -> None:
    world.witness.unsettle()
    if world.sim.secret(key) is not None:
        with world.witness.by_hand():
            world.sim.edit_secret({"data": {"access_token": "eA==", "x": "eA=="}}, key)


def restart(world: World, _: Key) -> None:
    world.sim.kill()
    world.sim.start()
    world.down = False
    world.witness.restarted()


def stop(world: World, _: Key) -> None:
    if not world.down:
        assert world.sim.stop() == 0
        world.sim.kill()
    world.down = True
    world.witness.unsettle()


def stand_still(world: World, _: Key) -> None:
    world.sim.loop.jump(150)
    world.witness.unsettle()


def lifetime(seconds: float) -> Step:
    def step(world: World, _: Key) -> None:
        world.sim.redox.lifetime = seconds

    return step


def set_clock(seconds: float) -> Step:
    def step(world: World, _: Key) -> None:
        world.sim.clock.step = seconds
        world.witness.unsettle()

    return step


STEPS: dict[str, Step] = {
    "the endpoint is away": endpoint_is(unavailable),
    "the endpoint wants fewer requests": endpoint_is(limited()),
    "the endpoint says how long to wait": endpoint_is(limited(retry_after=33)),
    "the endpoint rejects everyone": endpoint_is(rejected),
    "the endpoint answers nonsense": endpoint_is(lambda _: ResponseInvalid("x", status=200)),
    "the endpoint hangs, or no longer": endpoint_hangs,
    "the endpoint is slow": endpoint_is_slow,
    "the API server is away": cluster_fails(),
    "reads fail": cluster_fails(verb="get"),
    "writes are denied": cluster_fails(error=denied, verb="patch", resource=SECRETS),
    "status cannot be written": cluster_fails(resource="redoxcredentials/status"),
    "answers are lost": cluster_fails(lost=True, times=3),
    "lists fail": cluster_fails(verb="list"),
    "the API server is slow": cluster_is_slow,
    "everything heals": heal,
    "the watch is late": watch_is((0.01,), (2.0,), (7.0,)),
    "the watch tells twice": watch_is((0.01, 0.5), (0.3, 3.0)),
    "the watch loses changes": watch_is((), (0.01,)),
    "the watch is in order": watch_is((0.01,)),
    "another client": edit_client,
    "Canada": edit(endpoint="Canada"),
    "US": edit(endpoint="US"),
    "an unknown endpoint": edit(endpoint="Mars"),
    "suspended": edit(suspend=True),
    "resumed": edit(suspend=False),
    "a label": edit(target={"labels": {"a": "b"}}),
    "no label": edit(target={"labels": None}),
    "a refresh is asked for": ask_for_refresh,
    "a set of keys": write_key("k1 k2"),
    "one key": write_key("k3"),
    "a broken key": write_key("broken"),
    "no key": delete_key,
    "the credential is deleted": delete_credential,
    "the credential is recreated": recreate_credential,
    "the target is deleted": delete_target,
    "the target is edited": edit_target,
    "a restart": restart,
    "a stop": stop,
    "the process stands still": stand_still,
    "tokens live a minute": lifetime(60),
    "tokens live five minutes": lifetime(300),
    "tokens live half an hour": lifetime(1800),
}
CLOCKS: dict[str, Step] = {
    "the clock is ten minutes ahead": set_clock(600),
    "the clock is two minutes ahead": set_clock(120),
    "the clock is right": set_clock(0),
    "the clock is two minutes behind": set_clock(-120),
    "the clock is ten minutes behind": set_clock(-600),
}
