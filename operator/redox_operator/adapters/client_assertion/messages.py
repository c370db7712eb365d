"""What goes through the pipes between the operator and its child: frames of JSON.

The child answers a question with `CHECKING` when it has it, with another for each key that it
begins to check, and with one answer. The operator trusts no more than the form of an answer.
"""

from __future__ import annotations

import base64
import enum
import json
import struct
from dataclasses import dataclass, field
from typing import Any

from redox_operator.domain.private_key import KeySet, KeySetSummary, KeySummary, SigningKey

HEADER = struct.Struct(">I")
"""Length of the frame that follows."""

MAX_FRAME_BYTES = 64 * 1024
"""A question is below 24 KiB, an answer with eight RSA-4096 keys below 32 KiB."""

CHECKING = {"checking": True}


@dataclass(frozen=True, slots=True)
class Question:
    """The value of a key Secret, and what the credential says about it."""

    content: bytes = field(repr=False)
    key_id: str | None
    algorithm: str | None
    thorough: bool
    """False: only the summary, without the check of RSA numbers."""


class Cause(enum.Enum):
    """What a fault comes from, as far as can be told."""

    KEY = "the key, as the child says"
    UNCLEAR = "a key that hangs or crashes the child, or a machine that stalls"
    MACHINE = "the child did not start"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no key; becomes `KeyInvalid`."""

    message: str
    cause: Cause = Cause.KEY


Answer = KeySet | KeySetSummary | Fault


def frame(message: dict[str, Any]) -> bytes:
    """A message with its length in front."""
    body = json.dumps(message).encode()
    return HEADER.pack(len(body)) + body


def question_to_message(question: Question) -> dict[str, Any]:
    """For the child."""
    return {
        "content": base64.b64encode(question.content).decode(),
        "keyId": question.key_id,
        "algorithm": question.algorithm,
        "thorough": question.thorough,
    }


def question_from_message(message: dict[str, Any]) -> Question:
    """In the child."""
    return Question(
        base64.b64decode(message["content"]),
        message["keyId"],
        message["algorithm"],
        message["thorough"],
    )


def answer_to_message(answer: Answer) -> dict[str, Any]:
    """From the child."""
    match answer:
        case Fault():
            return {"fault": answer.message}
        case KeySet():
            return {
                "keys": [
                    [
                        key.key_id,
                        key.algorithm,
                        key.thumbprint,
                        base64.b64encode(key.material).decode(),
                    ]
                    for key in answer.keys
                ]
            }
        case KeySetSummary():
            return {"summary": [[key.key_id, key.algorithm, key.thumbprint] for key in answer.keys]}


def answer_from_message(message: dict[str, Any], question: Question) -> Answer:
    """In the operator. Raises `ValueError` for anything that is no answer to the question."""
    match message:
        case {"fault": str(text)}:
            return Fault(text)
        case {"keys": [_, *_] as keys} if question.thorough:
            return KeySet(tuple(_signing_key(key) for key in keys))
        case {"summary": [_, *_] as keys} if not question.thorough:
            return KeySetSummary(tuple(_key_summary(key) for key in keys))
        case _:
            raise ValueError


def _signing_key(values: object) -> SigningKey:
    match values:
        case [str(key_id), str(algorithm), str(thumbprint), str(material)]:
            return SigningKey(
                key_id, algorithm, thumbprint, base64.b64decode(material, validate=True)
            )
        case _:
            raise ValueError


def _key_summary(values: object) -> KeySummary:
    match values:
        case [str(key_id), str(algorithm), str(thumbprint)]:
            return KeySummary(key_id, algorithm, thumbprint)
        case _:
            raise ValueError
