"""The schema of the CRD, walked, and its CEL rules as functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from redox_operator.domain.credential import GROUP, PLURAL

CRD = yaml.safe_load((Path(__file__).parents[2] / f"crds/{GROUP}_{PLURAL}.yaml").read_text())


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with its path; the values of maps as `[*]`, items as `[]`."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from fields(child, f"{path}.{name}")
    if "items" in schema:
        yield from fields(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from fields(schema["additionalProperties"], f"{path}[*]")


FIELDS = dict(fields(CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))
SPEC = {path: schema for path, schema in FIELDS.items() if path.startswith(".spec")}
STATUS = {path: schema for path, schema in FIELDS.items() if path.startswith(".status")}
LEAVES = {path: schema for path, schema in SPEC.items() if schema["type"] != "object"}


def rules(path: str) -> list[Callable[[Any], bool]]:
    """The CEL rules of a field, each as a function of its value."""
    return [_as_function(rule["rule"]) for rule in FIELDS[path]["x-kubernetes-validations"]]


def allowed(path: str, value: Any) -> bool:
    """Whether the schema's limits and rules for a field take a value; its children's are apart."""
    schema = FIELDS[path]
    too_long = len(value) > schema.get("maxLength", schema.get("maxProperties", len(value)))
    return not too_long and all(rule(value) for rule in rules(path))


def _as_function(rule: str) -> Callable[[Any], bool]:
    # As much of CEL as rules of one field need; its words are nearly Python's.
    for cel, python in (
        (r"^self\.all\(key, (.*)\)$", r"all((\1) for key in self)"),
        (r"(\w+)\.matches\(", r"matches(\1, "),
        (r"\.startsWith\(", ".startswith("),
        (r"(\w+\.split\('/'\)\[0\])\.size\(\)", r"len(\1)"),
        (r"!(?=(key|self)\.)", "not "),
        (r"!(?=matches\()", "not "),
        (r"&&", " and "),
        (r"\|\|", " or "),
    ):
        rule = re.sub(cel, python, rule, flags=re.DOTALL)
    code = compile(f"({rule})", rule, "eval")
    return lambda value: eval(code, {"matches": _matches, "self": value})


def _matches(text: str, pattern: str) -> bool:
    # RE2's `$` is the end of the text alone; Python's is also before a last line end.
    return re.search(re.sub(r"\$$", r"\\Z", pattern), text) is not None
