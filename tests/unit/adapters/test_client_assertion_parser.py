"""The parser's child: asked once per content, killed when it hangs, never in another's way."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import traceback
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from redox_operator.adapters.client_assertion.key_parser import KeyParser
from redox_operator.adapters.client_assertion.messages import Question, frame, question_to_message
from redox_operator.domain.errors import KeyInvalid
from tests.support import keys

ENDLESS = b"endless"


def worker(seconds: float) -> list[str]:
    """The real child, which checks `ENDLESS` for ever: no key is known any more that does that."""
    script = f"""
        from redox_operator.adapters.client_assertion import key_set, worker
        parse = key_set.parse
        def parse_or_hang(content, **arguments):
            while {ENDLESS!r} in content:
                pass
            return parse(content, **arguments)
        key_set.parse = parse_or_hang
        worker.main({seconds})
    """
    return [sys.executable, "-c", textwrap.dedent(script)]


def scripted(script: str) -> list[str]:
    """A child of our own, which has `questions()` and `answer(text)`."""
    prelude = """
        import base64, json, os, struct, sys, time
        def send(message):
            body = json.dumps(message).encode()
            sys.stdout.buffer.write(struct.pack(">I", len(body)) + body)
            sys.stdout.flush()
        def answer(text):
            send({"fault": text})
        def questions():
            send({"ready": True})
            while header := sys.stdin.buffer.read(4):
                body = json.loads(sys.stdin.buffer.read(*struct.unpack(">I", header)))
                send({"checking": True})
                yield base64.b64decode(body["content"]).decode()
    """
    return [sys.executable, "-c", textwrap.dedent(prelude) + textwrap.dedent(script)]


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="finds child processes in /proc"
)

COUNTING = scripted("""
    for count, content in enumerate(questions(), start=1):
        time.sleep(0.01)
        answer(f"answer {count}")
""")
"""Answers with the number of the question."""


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., KeyParser]]:
    made = []

    def build(**arguments) -> KeyParser:
        made.append(KeyParser(**arguments))
        return made[-1]

    yield build
    for parser in made:
        await parser.close()


async def ask(parser: KeyParser, content: bytes | str, namespace: str = "a", **more):
    given = content.encode() if isinstance(content, str) else content
    return await parser.parse(
        given, namespace=namespace, **({"key_id": None, "algorithm": None} | more)
    )


async def fault(parser: KeyParser, content: bytes | str, namespace: str = "a", **more) -> str:
    with pytest.raises(KeyInvalid) as caught:
        await ask(parser, content, namespace, **more)
    return caught.value.message


def children(pid: int | None = None) -> list[int]:
    """The living children of a process."""
    parent = os.getpid() if pid is None else pid
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = status.read_text().partition(" (")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, ppid = rest.rpartition(") ")[2].split()[:2]
        if int(ppid) == parent and state not in "ZX":
            found.append(int(number))
    return found


def limits_of(pid: int) -> str:
    return Path(f"/proc/{pid}/limits").read_text()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


async def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


async def test_keys_come_back_from_the_child_whole(make):
    value = json.dumps(keys.jwk_set([keys.jwk(kid="a"), keys.jwk("P-384")]))

    found = await ask(make(), value, algorithm=None)

    assert [key.algorithm for key in found.keys] == ["RS384", "ES384"]
    assert found.first.thumbprint == keys.thumbprint(keys.jwk())


async def test_inspecting_gives_the_names_without_the_material(make):
    summary = await make().inspect(
        keys.rsa_pem().encode(), namespace="a", key_id="mine", algorithm="PS512"
    )

    assert (summary.first.key_id, summary.first.algorithm) == ("mine", "PS512")
    assert not hasattr(summary.first, "material")


async def test_what_the_child_refuses_is_key_invalid(make):
    assert "is neither a PEM" in await fault(make(), "prose")


async def test_what_the_child_refuses_to_inspect_is_key_invalid(make):
    with pytest.raises(KeyInvalid, match="is neither a PEM"):
        await make().inspect(b"prose", namespace="a", key_id=None, algorithm=None)


async def test_more_than_16_kib_never_reach_the_child(make):
    parser = make(command=["/nowhere"])

    assert "is larger than 16 KiB" in await fault(parser, b"x" * (16 * 1024 + 1))


async def test_a_question_reaches_the_child_once(make):
    parser = make(command=COUNTING)

    first = await fault(parser, "content", "a")

    assert await fault(parser, "content", "a") == first
    assert await fault(parser, "content", "b") == first
    assert await fault(parser, "content", key_id="x") == "answer 2"
    assert await fault(parser, "content", algorithm="RS384") == "answer 3"
    assert await fault(parser, "other content") == "answer 4"


async def test_a_question_asked_at_once_by_many_reaches_the_child_once(make):
    parser = make(command=COUNTING)

    messages = await asyncio.gather(*(fault(parser, "content", f"ns-{i % 3}") for i in range(9)))

    assert set(messages) == {"answer 1"}
    assert await fault(parser, "other content") == "answer 2"


async def test_who_stops_waiting_does_not_take_the_answer_from_the_others(make):
    parser = make(command=COUNTING)
    gone = asyncio.create_task(ask(parser, "content"))
    waiting = asyncio.create_task(fault(parser, "content"))
    await asyncio.sleep(0)

    gone.cancel()

    assert await waiting == "answer 1"


async def test_a_question_that_nobody_waits_for_any_more_is_not_asked(make):
    parser = make(command=COUNTING)
    busy = asyncio.create_task(fault(parser, "content under way"))
    gone = asyncio.create_task(ask(parser, "content"))
    await asyncio.sleep(0)
    gone.cancel()

    assert await fault(parser, "other content") == "answer 2"
    assert await busy == "answer 1"


async def test_namespaces_take_turns(make):
    parser = make(command=COUNTING)
    crowd = [asyncio.create_task(fault(parser, f"content {i}", "crowd")) for i in range(20)]

    lone = await fault(parser, "content", "lone")

    assert lone in {"answer 1", "answer 2"}
    assert [await task for task in crowd][-1] == "answer 21"


async def test_who_asks_the_same_as_a_crowded_namespace_does_not_stand_in_its_queue(make):
    parser = make(command=COUNTING)
    crowd = [asyncio.create_task(fault(parser, f"content {i}", "crowd")) for i in range(20)]
    await asyncio.sleep(0)

    assert await fault(parser, "content 19", "lone") in {"answer 1", "answer 2"}
    await asyncio.gather(*crowd)


@needs_proc
async def test_after_parsing_inspecting_does_not_ask_again(make):
    parser, others = make(), set(children())
    found = await ask(parser, keys.ec_pem())
    (child,) = set(children()) - others
    os.kill(child, signal.SIGSTOP)

    summary = await parser.inspect(
        keys.ec_pem().encode(), namespace="a", key_id=None, algorithm=None
    )

    assert summary == found.summary


async def test_a_key_that_takes_too_long_is_given_up_and_the_next_is_checked(make):
    parser = make(check_timeout=0.25, command=worker(30))
    stuck = asyncio.create_task(fault(parser, ENDLESS))

    found = await ask(parser, keys.ec_pem(), "b")

    assert found.first.algorithm == "ES256"
    assert "could not be checked in time" in await stuck


async def test_a_key_that_crashes_the_child_does_not_take_others_with_it(make):
    parser = make(
        command=scripted("""
            for content in questions():
                os.abort() if content == "crash" else answer(content)
        """)
    )

    assert await fault(parser, "before") == "before"
    assert "ended the process that does it" in await fault(parser, "crash")
    assert await fault(parser, "after") == "after"


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(
            "sys.stdout.write('Segmentation fault, really'); sys.stdout.flush()", id="text"
        ),
        pytest.param("send([])", id="a list"),
        pytest.param("send({'keys': []})", id="no keys"),
        pytest.param("send({'keys': [['a', 'RS384', 't', 7]]})", id="a key of wrong types"),
        pytest.param("send({'keys': [['a', 'RS384', 't', '***']]})", id="a key that is not base64"),
        pytest.param("send({'summary': [['a', 1, 2]]})", id="a summary of wrong types"),
        pytest.param("[send({'checking': True}) for _ in range(20)]", id="endless progress"),
        pytest.param("sys.stdout.buffer.write(b'\\xff' * 5); sys.stdout.flush()", id="4 GiB"),
    ],
)
async def test_a_child_that_answers_nonsense_counts_as_crashed(make, reply):
    parser = make(command=scripted(f"for content in questions(): {reply}"))

    assert "ended the process that does it" in await fault(parser, "content")


async def test_a_summary_is_no_answer_to_a_question_for_keys(make):
    parser = make(
        command=scripted("for content in questions(): send({'summary': [['a', 'b', 'c']]})")
    )

    assert "ended the process that does it" in await fault(parser, "content")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["/nowhere"], id="does not exist"),
        pytest.param([sys.executable, "-c", "raise SystemExit(1)"], id="ends at once"),
        pytest.param([sys.executable, "-c", "print('Traceback ...')"], id="is something else"),
        pytest.param(scripted("send({'ready': True})"), id="ends before the first question"),
    ],
)
async def test_a_child_that_does_not_start_is_said_and_tried_again(make, command, tmp_path):
    parser = make(command=command)

    assert "did not start" in await fault(parser, "content")
    assert "did not start" in await fault(parser, "content")


async def test_answers_are_kept_for_their_time(make):
    now = 0.0
    parser = make(command=COUNTING, clock=lambda: now)

    assert await fault(parser, "content") == "answer 1"
    now = 599.0
    assert await fault(parser, "content") == "answer 1"
    now = 601.0
    assert await fault(parser, "content") == "answer 2"


async def test_keys_are_kept_for_a_day(make):
    now = 0.0
    parser = make(
        command=scripted("""
            for count, content in enumerate(questions()):
                send({"keys": [[str(count), "RS384", "thumbprint", ""]]})
        """),
        clock=lambda: now,
    )

    assert (await ask(parser, "content")).first.key_id == "0"
    now = 24 * 3600.0 - 1
    assert (await ask(parser, "content")).first.key_id == "0"
    now = 24 * 3600.0 + 1
    assert (await ask(parser, "content")).first.key_id == "1"


async def test_a_crash_counts_for_a_minute_at_first_and_then_as_a_fault_of_the_key(make, tmp_path):
    now = 0.0
    log = tmp_path / "crashes"
    parser = make(
        command=scripted(f"""
            for content in questions():
                open({str(log)!r}, "a").write("crash ")
                os.abort()
        """),
        clock=lambda: now,
    )
    crashes = []
    for now in (0.0, 59.0, 61.0, 660.0, 662.0):  # noqa: B007 - the clock reads it
        await fault(parser, "content")
        crashes.append(len(log.read_text().split()))

    assert crashes == [1, 1, 2, 2, 3]


@needs_proc
async def test_the_child_is_started_when_it_is_needed_and_ends_when_it_is_not(make):
    before = children()
    parser = make(idle_timeout=0.05)
    assert children() == before

    await ask(parser, keys.ec_pem())
    await eventually(lambda: children() == before)

    assert (await ask(parser, keys.ec_pem("P-384"))).first.algorithm == "ES384"


@needs_proc
async def test_a_child_that_was_killed_from_outside_is_started_again(make):
    parser = make()
    before = set(children())
    await ask(parser, keys.ec_pem())
    (child,) = set(children()) - before

    os.kill(child, signal.SIGKILL)

    assert (await ask(parser, keys.ec_pem("P-384"))).first.algorithm == "ES384"


@needs_proc
async def test_closing_ends_the_child_and_cancels_who_waits(make):
    parser = make(command=worker(30))
    before = children()
    waiting = asyncio.create_task(ask(parser, ENDLESS))
    await eventually(lambda: children() != before)

    await parser.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert children() == before


async def test_the_child_sees_nothing_of_the_operators_environment(make, monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_OF_THE_OPERATOR", "canary")
    seen = tmp_path / "environment"
    parser = make(
        command=scripted(f"""
            open({str(seen)!r}, "w").write(json.dumps(dict(os.environ)))
            for content in questions():
                answer(content)
        """)
    )
    await fault(parser, "content")

    assert set(json.loads(seen.read_text())) <= {"PYTHONPATH", "LC_CTYPE"}


async def test_no_message_repr_or_traceback_with_variables_shows_the_content(make):
    parser = make(check_timeout=0.25, command=worker(30))
    secret = "c4n4ry" * 4
    values = {
        "refused": json.dumps({"kty": "EC", "d": secret}),
        "too large": secret * 1000,
        "stuck": f"{ENDLESS.decode()} {secret}",
        "unknown": f"-----BEGIN {secret}",
    }
    for name, value in values.items():
        with pytest.raises(KeyInvalid) as caught:
            await ask(parser, value)
        error = caught.value
        # The first two frames are this test's own.
        shown = traceback.TracebackException(
            type(error), error, error.__traceback__.tb_next.tb_next, capture_locals=True
        )
        assert "in parse" in "".join(shown.format())
        assert secret not in "".join(shown.format()) + repr(error) + str(error), name
        assert error.__cause__ is None
        assert error.__context__ is None


PARENT = """
    import asyncio, sys
    from redox_operator.adapters.client_assertion.key_parser import KeyParser

    async def main():
        parser = KeyParser()
        content = sys.stdin.buffer.read()
        await parser.parse(content, namespace="a", key_id=None, algorithm=None)
        print("parsed", flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())
"""


@needs_proc
def test_the_child_ends_when_its_parent_is_killed():
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with parent:
        parent.stdin.write(keys.ec_pem().encode())
        parent.stdin.close()
        assert parent.stdout.readline() == b"parsed\n"
        (child,) = children(parent.pid)

        parent.kill()

        asyncio.run(eventually(lambda: not is_alive(child)))


def test_a_child_that_is_stuck_ends_itself_when_nobody_kills_it():
    child = subprocess.Popen(worker(0.2), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        question = Question(ENDLESS, None, None, thorough=True)
        child.stdin.write(frame(question_to_message(question)))
        child.stdin.close()

        assert child.wait(timeout=8) == -signal.SIGALRM


@needs_proc
async def test_a_crash_of_the_child_leaves_no_core_file(make):
    before = set(children())
    await ask(make(), keys.ec_pem())
    (child,) = set(children()) - before

    assert re.search(r"Max core file size +0 +0 ", limits_of(child))


def test_the_child_imports_neither_asyncio_nor_joserfc():
    listing = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys, redox_operator.adapters.client_assertion.worker; print(*sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert not {"asyncio", "joserfc", "httpx", "kopf", "kubernetes"} & set(listing.stdout.split())
