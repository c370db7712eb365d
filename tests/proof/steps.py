"""What a person does to a simulation, or the machine to its process, one step at a time."""

from __future__ import annotations

from redox_operator.domain.credential import Key
from redox_operator.domain.errors import ResponseInvalid
from tests.proof.faults import (
    LONGEST_WAIT,
    Step,
    World,
    answers_come_late,
    cluster_fails,
    cluster_is_slow,
    endpoint_hangs,
    endpoint_is,
    endpoint_is_slow,
    endpoint_says,
    heal,
    lifetime,
    reads_are_stale,
    watch_is,
)
from tests.support.cluster_faults import denied
from tests.support.fake_cluster import SECRETS
from tests.support.fake_token_endpoint import limited, rejected, unavailable

CORRECTED = 300.0
"""Seconds by which a clock may be off and is corrected."""
LISTED_WITHIN = 70.0
"""Seconds: a watch may have lost an edit, and a list finds it."""

# The author.


def edit(**spec: object) -> Step:
    def step(world: World, key: Key) -> None:
        if world.sim.exists(key):
            world.sim.edit(key, **spec)

    return step


def leave_by(cause: str, **spec: object) -> Step:
    def step(world: World, key: Key) -> None:
        if world.sim.exists(key):
            world.witness.premise.leave(cause, key)
            world.sim.edit(key, **spec)

    return step


def come_back_by(cause: str, **spec: object) -> Step:
    def step(world: World, key: Key) -> None:
        if world.sim.exists(key):
            world.witness.premise.come_back(cause, key, after=LISTED_WITHIN)
            world.sim.edit(key, **spec)

    return step


def edit_client(world: World, key: Key) -> None:
    edit(clientId=f"client-{world.fresh()}")(world, key)


def ask_for_refresh(world: World, key: Key) -> None:
    if world.sim.exists(key):
        world.sim.ask_for_refresh(world.fresh(), key)


def write_key(content: str) -> Step:
    def step(world: World, key: Key) -> None:
        if content == "broken":
            world.witness.premise.leave("key", key)
        else:
            world.witness.premise.come_back("key", key, after=LISTED_WITHIN)
        world.sim.write_key(content, key.name)

    return step


def delete_key(world: World, key: Key) -> None:
    if world.sim.cluster.get(SECRETS, "clinic", f"{key.name}-redox-key") is not None:
        world.witness.premise.leave("key", key)
        world.sim.delete_key(key.name)


def delete_credential(world: World, key: Key) -> None:
    if world.sim.exists(key):
        world.witness.unsettle()
        world.witness.premise.leave("deleted", key)
        world.sim.delete(key)


def recreate_credential(world: World, key: Key) -> None:
    delete_credential(world, key)
    for cause in ("endpoint", "suspended"):
        world.witness.premise.come_back(cause, key, after=LISTED_WITHIN)
    world.witness.premise.come_back("deleted", key, after=LISTED_WITHIN)
    world.sim.create(key.name, key=None)


def touch_target(world: World, key: Key) -> bool:
    """Whether someone may lay hands on a target, and has the premise know."""
    world.witness.unsettle()
    world.witness.premise.excuse(key)
    return world.sim.secret(key) is not None


def delete_target(world: World, key: Key) -> None:
    if touch_target(world, key):
        world.sim.delete_secret(key)


def edit_target(world: World, key: Key) -> None:
    if touch_target(world, key):
        world.sim.edit_secret({"data": {"access_token": "eA==", "x": "eA=="}}, key)


def label_target(world: World, key: Key) -> None:
    """Someone adds what is theirs, which stays."""
    if world.sim.secret(key) is not None:
        world.sim.edit_secret({"metadata": {"labels": {"theirs": world.fresh()}}}, key)


# The process.


def note_restart(world: World) -> None:
    world.down = False
    world.witness.premise.end("process")
    if world.sim.clock.step:
        # What the endpoint's clock says is not known before its first answer.
        world.witness.premise.excuse()
    world.witness.restarted()


def restart(world: World, _: Key) -> None:
    world.sim.kill()
    world.sim.start()
    note_restart(world)


def stop(world: World, _: Key) -> None:
    if not world.down:
        assert world.sim.stop() == 0
        world.sim.kill()
    world.down = True
    world.witness.premise.begin("process")
    world.witness.unsettle()


def stand_still(world: World, _: Key) -> None:
    world.sim.loop.jump(150)
    world.witness.premise.stood_still(150)
    world.witness.unsettle()


def set_clock(seconds: float) -> Step:
    def step(world: World, _: Key) -> None:
        world.sim.clock.step = seconds
        world.witness.unsettle()
        premise = world.witness.premise
        if abs(seconds) > CORRECTED:
            premise.leave("clock")
        else:
            premise.come_back("clock", after=LONGEST_WAIT)
            premise.excuse()

    return step


STEPS: dict[str, Step] = {
    "the endpoint is away": endpoint_is(unavailable),
    "the endpoint wants fewer requests": endpoint_says(limited(), "limited"),
    "the endpoint says how long to wait": endpoint_says(limited(retry_after=33), "limited"),
    "the endpoint rejects everyone": endpoint_says(rejected, "rejected"),
    "the endpoint answers nonsense": endpoint_is(lambda _: ResponseInvalid("x", status=200)),
    "the endpoint hangs": endpoint_hangs,
    "the endpoint is slow": endpoint_is_slow,
    "the API server is away": cluster_fails(),
    "reads fail": cluster_fails(verb="get"),
    "writes are denied": cluster_fails(error=denied, verb="patch", resource=SECRETS),
    "status cannot be written": cluster_fails(resource="redoxcredentials/status"),
    "answers are lost": cluster_fails(lost=True, times=3),
    "answers come late": answers_come_late,
    "lists fail": cluster_fails(verb="list"),
    "the API server is slow": cluster_is_slow,
    "reads are stale": reads_are_stale,
    "everything heals": heal,
    "the watch is late": watch_is((0.01,), (2.0,), (7.0,)),
    "the watch tells twice": watch_is((0.01, 0.5), (0.3, 3.0)),
    "the watch loses changes": watch_is((), (0.01,)),
    "the watch is silent": watch_is(()),
    "the watch is in order": watch_is((0.01,)),
    "another client": edit_client,
    "Canada": come_back_by("endpoint", endpoint="Canada"),
    "US": come_back_by("endpoint", endpoint="US"),
    "an unknown endpoint": leave_by("endpoint", endpoint="Mars"),
    "suspended": leave_by("suspended", suspend=True),
    "resumed": come_back_by("suspended", suspend=False),
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
    "the target gets a label of someone": label_target,
    "a restart": restart,
    "a stop": stop,
    "the process stands still": stand_still,
    "tokens live 5 seconds": lifetime(5),
    "tokens live a minute": lifetime(60),
    "tokens live 200 seconds": lifetime(200),
    "tokens live five minutes": lifetime(300),
    "tokens live half an hour": lifetime(1800),
    "tokens live a day": lifetime(86400),
    "tokens live too long": lifetime(86401),
}
CLOCKS: dict[str, Step] = {
    "the clock is ten minutes ahead": set_clock(600),
    "the clock is two minutes ahead": set_clock(120),
    "the clock is right": set_clock(0),
    "the clock is two minutes behind": set_clock(-120),
    "the clock is ten minutes behind": set_clock(-600),
}
