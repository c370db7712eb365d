"""What authors of credentials and targets write into objects of the API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from redox_operator.domain import placeholders as placeholder
from redox_operator.domain import rendering, target
from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.credential import GROUP, Credential, parse_credential
from redox_operator.domain.endpoint import BUILT_IN
from redox_operator.domain.errors import SpecInvalid
from redox_operator.domain.reserved import STANDARD_KEYS
from redox_operator.domain.target import Target
from redox_operator.domain.timestamps import format_time, parse_time
from tests.fuzz.properties import assert_says_what_to_do, assert_tells_nothing
from tests.support.crd_schema import rules

NOW = 1_795_435_200.0
TOKEN = AccessToken("token-value", NOW, NOW + 300, "granted/scope.read")
METADATA = {"namespace": "clinic", "name": "ehr", "uid": "uid-1", "generation": 1}
(RULE,) = rules(".spec.target.stringData[*]")
# The CRD's rule as Python's `re` has it backtracks; longer texts are for the parser alone.
_COMPARED = 24


def credential(data: bytes) -> None:
    """A spec becomes a credential whose Secret can be rendered, or `SpecInvalid`."""
    spec = _json(data)
    try:
        parsed = parse_credential({"metadata": METADATA, "spec": spec})
    except SpecInvalid as error:
        assert_says_what_to_do(error.message)
        public = [*_names(spec), "RS256, RS384, RS512"]
        assert_tells_nothing(" ".join(_values(spec)), [error.message, repr(error)], public)
        return
    _check_rendering(parsed)


def _check_rendering(parsed: Credential) -> None:
    endpoint = BUILT_IN[0]
    rendered = rendering.render(parsed, endpoint, TOKEN, "v1:input")
    assert json.dumps(rendering.create_body(parsed, rendered))
    standard = ("token-value", "Bearer", format_time(TOKEN.expires_at), "Bearer token-value")
    assert tuple(rendered.data[key] for key in STANDARD_KEYS) == standard
    ours = {name for name in rendered.annotations if name.startswith(f"{GROUP}/")}
    assert not ours & parsed.target.annotations.keys()
    assert rendered.labels[f"{GROUP}/role"] == "target"
    assert target.is_intact(rendered.annotations, rendered.data)
    assert len(target.input_hash(parsed, endpoint, "thumbprint")) == 67


def target_annotations(data: bytes) -> None:
    """Annotations that anyone may have edited lead to a token that counts, or to none."""
    annotations = {
        name: text
        for name, text in (_json(data) or {}).items()
        if isinstance(text, str) and not re.search("[\ud800-\udfff]", name + text)
    }
    seen = Target("uid", "7", {}, annotations)
    stored = target.stored_token(seen, NOW, 86400.0)
    if stored is not None:
        assert stored.issued_at <= NOW + target.LARGEST_CORRECTION
        assert 0 < stored.lifetime <= 86400
        assert target.times(stored)
    for names in target.applied(annotations).values():
        assert all(isinstance(name, str) for name in names)
    assert target.is_intact(annotations, {}) in (True, False)
    author = parse_credential({"metadata": METADATA, "spec": SPEC})
    rendered = rendering.render(author, BUILT_IN[0], TOKEN, None)
    assert target.ownership(seen, author) in target.Ownership
    patch = rendering.patch_body(author, rendered, seen)
    assert json.dumps(patch)
    kept = {name for name, value in patch["data"].items() if value is not None}
    assert kept == {*STANDARD_KEYS}
    removed = {name for name, value in patch["metadata"]["annotations"].items() if value is None}
    assert not any(name.startswith(f"{GROUP}/") for name in removed - {target.SCOPE})


SPEC = {"clientId": "client", "privateKey": {"secretRef": {"name": "key"}}}


def placeholders(data: bytes) -> None:
    """A template is expanded once, or refused as the CRD's rule refuses it."""
    template = data.decode("utf-8", "replace").replace("\x00", "")
    valid = placeholder.is_valid(template)
    if len(template) <= _COMPARED:
        assert valid == RULE(template)
    if not valid:
        return
    values = dict.fromkeys(placeholder.NAMES, "$(scope)$$")
    parts = placeholder.expand(template, dict.fromkeys(placeholder.NAMES, "\x00")).split("\x00")
    assert placeholder.expand(template, values) == "$(scope)$$".join(parts)
    doubled = template.replace("$", "$$")
    assert placeholder.expand(doubled, values) == template


def timestamp(data: bytes) -> None:
    """An RFC 3339 time can be written again, and means the same; anything else is none."""
    seconds = parse_time(data.decode("utf-8", "replace"))
    if seconds is not None:
        assert seconds - 1 < (parse_time(format_time(seconds)) or 0.0) <= seconds


def _json(data: bytes) -> Any:
    """The object, or None: an API server passes on nothing else."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _values(each)
    elif isinstance(value, list):
        for each in value:
            yield from _values(each)
    elif isinstance(value, str):
        yield value


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _names(each)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each)
