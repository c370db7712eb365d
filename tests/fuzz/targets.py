"""A function for each parser: from bytes to nothing, or to the exception that tells of a fault."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz import api_objects, endpoints_files, key_secrets, token_answers

Target = Callable[[bytes], None]

TARGETS: dict[str, Target] = {
    "child-answer": key_secrets.child_answer,
    "credential": api_objects.credential,
    "endpoints-file": endpoints_files.endpoints_file,
    "key-secret": key_secrets.key_secret,
    "placeholders": api_objects.placeholders,
    "target-annotations": api_objects.target_annotations,
    "timestamp": api_objects.timestamp,
    "token-answer": token_answers.token_answer,
}
