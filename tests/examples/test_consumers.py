"""The consumers of docs/examples/consumers, started as the pods start them."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.examples.access_tokens import CLIENT_ID, expiry, mounted_data, request_token
from tests.examples.mounted_secret import MountedSecret
from tests.examples.programs import EXAMPLES, Running, environment, program, run
from tests.support.kubernetes_api import polls
from tests.support.redox_sandbox import RedoxSandbox

CONSUMERS = EXAMPLES / "consumers"
LANGUAGES = ("curl", "python", "node")
READERS = {
    "python": "import json, consumer; print(json.dumps(consumer.read_keys({names})))",
    "node": (
        "const {{ readKeys }} = await import(process.cwd() + '/consumer.mjs');"
        "console.log(JSON.stringify(await readKeys({names})));"
    ),
}


@pytest.fixture
def consumers(tmp_path: Path) -> Path:
    """The ConfigMap of the pods, mounted."""
    mounted = MountedSecret(tmp_path / "consumers")
    mounted.write({path.name: path.read_text() for path in CONSUMERS.iterdir() if path.is_file()})
    return mounted.path


@pytest.fixture(params=LANGUAGES)
def command(request: pytest.FixtureRequest, consumers: Path) -> list[str]:
    """What a pod's container runs."""
    program(request.param)
    manifest = yaml.safe_load((EXAMPLES / f"pods/{request.param}.yaml").read_text())
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    return [word.replace("/consumers", str(consumers)) for word in container["command"]]


def settings(redox: RedoxSandbox, mount: MountedSecret) -> Mapping[str, str]:
    return environment(redox.ca_file, REDOX_DIRECTORY=str(mount.path), INTERVAL="0.05")


def test_a_consumer_follows_the_mounted_token_without_a_failed_call(
    redox: RedoxSandbox, mount: MountedSecret, command: list[str]
) -> None:
    first = request_token(redox)
    redox.set_settings(tokenLifetime=600)
    second = request_token(redox)
    mount.write(mounted_data(redox, first))

    with Running(command, settings(redox, mount)) as consumer:
        before = consumer.wait_for("HTTP 200")
        mount.write(mounted_data(redox, second))
        after = consumer.wait_for(expiry(second))

    assert before.endswith(f"token valid until {expiry(first)}")
    assert after.startswith("HTTP 200")
    assert [line for line in consumer.lines if not line.startswith("HTTP 200")] == []


def test_a_call_that_meets_a_dead_token_is_repeated_with_the_new_one(
    redox: RedoxSandbox, mount: MountedSecret, command: list[str]
) -> None:
    mount.write(mounted_data(redox, request_token(redox)))
    redox.set_settings(tokenLifetime=600)

    with Running(command, settings(redox, mount)) as consumer:
        consumer.wait_for("HTTP 200")
        redox.set_faults([{"fault": "slow", "path": "fhir", "seconds": 2, "times": 1}])
        wait_until_used(redox)
        # The call is under way with the first token; when it arrives, that one is dead.
        redox.revoke(CLIENT_ID)
        second = request_token(redox)
        mount.write(mounted_data(redox, second))
        consumer.wait_for(expiry(second))

    assert [line for line in consumer.lines if not line.startswith("HTTP 200")] == []
    assert refused_calls(redox) == 1


def test_a_consumer_with_an_expired_token_says_so_and_goes_on_when_it_is_replaced(
    redox: RedoxSandbox, mount: MountedSecret, command: list[str]
) -> None:
    redox.set_settings(tokenLifetime=1)
    expired = request_token(redox)
    mount.write(mounted_data(redox, expired))

    with Running(command, settings(redox, mount)) as consumer:
        refused = consumer.wait_for("HTTP 401")
        redox.set_settings(tokenLifetime=300)
        mount.write(mounted_data(redox, request_token(redox)))
        consumer.wait_for("HTTP 200")

    assert refused == f"HTTP 401, token valid until {expiry(expired)}"


def test_a_consumer_ends_at_once_when_its_pod_does(
    redox: RedoxSandbox, mount: MountedSecret, command: list[str]
) -> None:
    mount.write(mounted_data(redox, request_token(redox)))

    with Running(command, settings(redox, mount)) as consumer:
        consumer.wait_for("HTTP 200")
        code = consumer.stop()

    assert code == 0


@pytest.mark.parametrize("language", READERS)
def test_keys_are_of_one_version_though_it_is_replaced_while_they_are_read(
    mount: MountedSecret, language: str
) -> None:
    versions = [{"authorization": f"Bearer {n}", "expires_at": str(n)} for n in (1, 2)]
    mount.write(versions[0])
    slow = mount.path / "..data/authorization"
    slow.unlink()
    # Its reader waits in the middle of a version until this test writes.
    os.mkfifo(slow)

    def replace_meanwhile() -> None:
        with slow.open("w") as file:
            mount.write(versions[1])
            file.write(versions[0]["authorization"])

    replacing = threading.Thread(target=replace_meanwhile, daemon=True)
    replacing.start()
    read = read_keys(mount, language, "authorization", "expires_at")
    replacing.join(timeout=5)

    assert read in [list(version.values()) for version in versions]


def read_keys(mount: MountedSecret, language: str, *names: str) -> list[str]:
    code = READERS[language].format(names=", ".join(repr(name) for name in names))
    option = "-c" if language == "python" else "--eval"
    env = environment("", REDOX_DIRECTORY=str(mount.path), PYTHONDONTWRITEBYTECODE="1")
    done = run([language, option, code], env, directory=CONSUMERS)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def wait_until_used(redox: RedoxSandbox) -> None:
    for _ in polls(10):
        if redox.admin("GET", "/faults")[0]["remaining"] == 0:
            return
    raise TimeoutError("no call came")


def refused_calls(redox: RedoxSandbox) -> int:
    calls: dict[str, int] = redox.stats()["resourceCalls"]["fhir"]
    return sum(count for outcome, count in calls.items() if outcome != "ok")
