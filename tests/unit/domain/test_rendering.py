"""From a token to the target Secret, and to the requests' bodies that write it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redox_operator.domain import target as targets
from redox_operator.domain.credential import Credential
from redox_operator.domain.rendering import Rendered, create_body, differs, patch_body, render
from redox_operator.domain.reserved import STANDARD_KEYS, is_reserved_key, is_reserved_name
from redox_operator.domain.target import APPLIED, SCOPE, stored_token
from tests.support.builders import (
    INPUT_HASH,
    NOW,
    TOKEN,
    UID,
    credential,
    endpoint,
    target,
    target_of,
    target_secret,
    target_spec,
    token,
)
from tests.support.merge_patch import merged

OURS = {
    "apiVersion": "redox-operator.dev/v1alpha1",
    "kind": "RedoxCredential",
    "name": "ehr",
    "uid": UID,
    "controller": True,
    "blockOwnerDeletion": False,
}
AUTHORS = credential(
    target=target_spec(
        labels={"app.kubernetes.io/name": "ehr"},
        annotations={"example.com/team": "integration"},
        string_data={"curl.header": "Authorization: $(authorization)"},
    )
)


def rendered(of: Credential | None = None, **changes: Any) -> Rendered:
    values = {"endpoint": endpoint(), "token": token(), "input_hash": INPUT_HASH, **changes}
    return render(of or credential(), **values)


def encoded(data: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def decoded(secret: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def patched(secret: dict[str, Any], of: Credential, wanted: Rendered) -> dict[str, Any]:
    """The Secret after the operator's patch of it as it was seen."""
    patch = patch_body(of, wanted, target_of(secret))
    assert patch["metadata"]["resourceVersion"] == secret["metadata"]["resourceVersion"]
    result: dict[str, Any] = merged(secret, patch)
    return result


def test_a_target_has_the_standard_keys() -> None:
    assert rendered().data == {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_at": "2026-11-23T12:05:00Z",
        "authorization": f"Bearer {TOKEN}",
    }


def test_a_target_has_the_labels_of_the_contract() -> None:
    assert rendered().labels == {
        "app.kubernetes.io/managed-by": "redox-operator",
        "redox-operator.dev/role": "target",
        "velero.io/exclude-from-backup": "true",
    }


def test_a_target_has_the_annotations_of_the_contract() -> None:
    annotations = dict(rendered().annotations)
    assert annotations.pop("redox-operator.dev/content-hash").startswith("v1:")
    assert annotations == {
        "redox-operator.dev/credential": "RedoxCredential/ehr",
        "redox-operator.dev/expires-at": "2026-11-23T12:05:00Z",
        "redox-operator.dev/issued-at": "2026-11-23T12:00:00Z",
        "redox-operator.dev/input-hash": INPUT_HASH,
        "redox-operator.dev/applied": '{"data":[],"labels":[],"annotations":[]}',
        "argocd.argoproj.io/ignore-resource-updates": "true",
        "reloader.stakater.com/ignore": "true",
    }


def test_what_the_author_adds_is_there_and_listed() -> None:
    wanted = rendered(AUTHORS)
    assert wanted.data["curl.header"] == f"Authorization: Bearer {TOKEN}"
    assert wanted.labels.items() > rendered().labels.items()
    assert wanted.labels["app.kubernetes.io/name"] == "ehr"
    assert wanted.annotations["example.com/team"] == "integration"
    assert json.loads(wanted.annotations[APPLIED]) == {
        "data": ["curl.header"],
        "labels": ["app.kubernetes.io/name"],
        "annotations": ["example.com/team"],
    }


def test_every_placeholder_has_its_value() -> None:
    template = "$(accessToken) $(tokenType) $(expiresAt) $(authorization) $(scope) $(fhirBaseUrl)"
    of = credential(target=target_spec(string_data={"all": template}))
    wanted = rendered(
        of, token=token(scope="a b"), endpoint=endpoint(fhir_base_url="https://fhir.example/R4")
    )
    assert wanted.data["all"] == (
        f"{TOKEN} Bearer 2026-11-23T12:05:00Z Bearer {TOKEN} a b https://fhir.example/R4"
    )


@pytest.mark.parametrize(
    ("changes", "name", "expected"),
    [
        pytest.param({"input_hash": None}, targets.INPUT_HASH, None, id="no input is known"),
        pytest.param({"token": token(scope="a b")}, SCOPE, "a b", id="a scope was granted"),
        pytest.param({"token": token(scope="")}, SCOPE, None, id="no scope was named"),
    ],
)
def test_an_annotation_is_there_when_there_is_something_to_say(
    changes: dict[str, Any], name: str, expected: str | None
) -> None:
    assert rendered(**changes).annotations.get(name) == expected


def test_an_author_cannot_take_the_place_of_what_is_ours() -> None:
    of = credential(
        target=target_spec(
            labels={"app.kubernetes.io/managed-by": "me"}, annotations={targets.EXPIRES_AT: "never"}
        )
    )
    assert rendered(of).labels == rendered().labels
    assert rendered(of).annotations[targets.EXPIRES_AT] == "2026-11-23T12:05:00Z"


def test_a_token_is_never_shown() -> None:
    assert TOKEN not in repr(rendered(AUTHORS))
    assert not any(TOKEN in value for value in rendered(AUTHORS).annotations.values())


def test_a_target_is_created_opaque_with_its_controller() -> None:
    body = create_body(AUTHORS, rendered(AUTHORS))
    assert body["apiVersion"] == "v1"
    assert (body["kind"], body["type"]) == ("Secret", "Opaque")
    assert (body["metadata"]["namespace"], body["metadata"]["name"]) == ("clinic", "ehr-token")
    assert body["metadata"]["ownerReferences"] == [OURS]
    assert body["metadata"]["labels"] == rendered(AUTHORS).labels
    assert body["metadata"]["annotations"] == rendered(AUTHORS).annotations
    assert body["data"] == encoded(dict(rendered(AUTHORS).data))


def test_nothing_differs_right_after_creation() -> None:
    seen = target_of(target_secret(of=AUTHORS))
    assert not differs(seen, rendered(AUTHORS))
    assert stored_token(seen, NOW, 86400, TOKEN) == token()


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(rendered(AUTHORS, token=token(issued_at=NOW + 100)), id="a newer token"),
        pytest.param(rendered(AUTHORS, token=token(value="other")), id="another token"),
        pytest.param(rendered(AUTHORS, input_hash="v1:other"), id="another input"),
        pytest.param(rendered(), id="what the author dropped"),
        pytest.param(
            rendered(credential(target=target_spec(string_data={"curl.header": "x"}))),
            id="another template",
        ),
    ],
)
def test_a_target_differs_from(wanted: Rendered) -> None:
    assert differs(target(of=AUTHORS), wanted)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, False, id="as it was written"),
        pytest.param({"intact": False}, True, id="its data was changed"),
        pytest.param({"labels": {}}, True, id="a label of ours is gone"),
        pytest.param({"annotations": {}}, True, id="an annotation of ours is gone"),
        pytest.param({"labels": {**rendered().labels, "x": "y"}}, False, id="a foreign label"),
        pytest.param(
            {"annotations": {**rendered().annotations, "x": "y"}}, False, id="a foreign annotation"
        ),
    ],
)
def test_a_target_as_it_is_seen_differs(changes: dict[str, Any], expected: bool) -> None:
    assert differs(target(**changes), rendered()) is expected


def test_a_target_of_ours_keeps_its_owner_references() -> None:
    patch = patch_body(credential(), rendered(), target())
    assert "ownerReferences" not in patch["metadata"]


OTHER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "release", "uid": "other"}


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        pytest.param([], [OURS], id="restored without any"),
        pytest.param([OURS | {"uid": "former"}], [OURS], id="of a namesake before this one"),
        pytest.param([OTHER, OURS | {"uid": "former"}], [OTHER, OURS], id="beside another's"),
        pytest.param([OURS | {"controller": False}], [OURS], id="ours, but no controller"),
    ],
)
def test_an_adopted_target_gets_its_controller_and_keeps_other_owners(
    references: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> None:
    secret = target_secret()
    secret["metadata"]["ownerReferences"] = references
    result = patched(secret, credential(), rendered())
    assert result["metadata"]["ownerReferences"] == expected


def test_a_scope_that_is_no_longer_granted_goes() -> None:
    secret = target_secret(token(scope="a"))
    result = patched(secret, credential(), rendered())
    assert SCOPE not in result["metadata"]["annotations"]


FOREIGN_NAMES = st.sampled_from(
    ["team", "example.com/x", "argocd.argoproj.io/instance", "meta.helm.sh/release-name"]
)
AUTHORS_NAMES = st.sampled_from(["a", "b", "example.org/c", "app.kubernetes.io/name"])
TEXTS = st.text(alphabet="ab1", max_size=3)
FOREIGN = st.dictionaries(FOREIGN_NAMES, TEXTS)
FOREIGN_DATA = st.dictionaries(st.sampled_from(["x", "y.txt", "scope", "issued_by"]), TEXTS)
SPECS = st.builds(
    target_spec,
    labels=st.dictionaries(AUTHORS_NAMES, TEXTS),
    annotations=st.dictionaries(AUTHORS_NAMES, TEXTS),
    string_data=st.dictionaries(st.sampled_from(["a", "b", "curl.header"]), TEXTS),
).map(lambda spec: credential(target=spec))
LATER = token(issued_at=NOW + 100, value="token-2")


@given(SPECS, SPECS, FOREIGN, FOREIGN, FOREIGN_DATA)
def test_a_patch_leaves_what_is_foreign_and_takes_away_exactly_what_the_author_dropped(
    before: Credential,
    after: Credential,
    labels: dict[str, str],
    annotations: dict[str, str],
    data: dict[str, str],
) -> None:
    secret = target_secret(of=before)
    secret["metadata"]["labels"] |= labels
    secret["metadata"]["annotations"] |= annotations
    secret["data"] |= encoded(data)
    wanted = rendered(after, token=LATER)

    result = patched(secret, after, wanted)

    assert result["metadata"]["labels"] == {**labels, **wanted.labels}
    assert result["metadata"]["annotations"] == {**annotations, **wanted.annotations}
    assert decoded(result) == {**data, **wanted.data}
    seen = target_of(result)
    assert seen.intact
    assert not differs(seen, wanted)
    assert stored_token(seen, NOW + 100, 86400, "token-2") == LATER


@given(SPECS, SPECS)
def test_a_patch_of_what_was_patched_changes_nothing(before: Credential, after: Credential) -> None:
    wanted = rendered(after, token=LATER)
    once = patched(target_secret(of=before), after, wanted)
    assert patched(once, after, wanted) == once


ANY_NAME = st.text(max_size=8) | FOREIGN_NAMES | AUTHORS_NAMES
RESERVED_DATA = st.sampled_from([*STANDARD_KEYS, "scope", "issued_by", "access_token.old", "x"])
RESERVED_NAMES = FOREIGN_NAMES | st.sampled_from(
    ["redox-operator.dev/role", "redox-operator.dev/later", "velero.io/exclude-from-backup"]
)
FORGED = st.text(max_size=20) | st.fixed_dictionaries(
    {},
    optional={
        "data": st.lists(RESERVED_DATA | ANY_NAME),
        "labels": st.lists(RESERVED_NAMES | ANY_NAME),
        "annotations": st.lists(RESERVED_NAMES | ANY_NAME) | st.integers(),
        "other": st.none(),
    },
).map(json.dumps)


@given(
    FORGED,
    SPECS,
    st.dictionaries(RESERVED_NAMES, TEXTS),
    st.dictionaries(RESERVED_NAMES, TEXTS),
    st.dictionaries(RESERVED_DATA, TEXTS),
)
def test_a_forged_list_of_what_was_applied_takes_away_nothing_that_is_reserved(
    forged: str,
    of: Credential,
    labels: dict[str, str],
    annotations: dict[str, str],
    data: dict[str, str],
) -> None:
    secret = target_secret(of=of)
    secret["metadata"]["labels"] |= labels
    secret["metadata"]["annotations"] |= annotations | {APPLIED: forged}
    secret["data"] |= encoded(data)
    wanted = rendered(of, token=LATER)

    result = patched(secret, of, wanted)

    for part, foreign in (("labels", labels), ("annotations", annotations)):
        kept = {name: foreign[name] for name in foreign if is_reserved_name(name)}
        assert result["metadata"][part].items() >= {**kept, **getattr(wanted, part)}.items()
    kept = {key: data[key] for key in data if is_reserved_key(key)}
    assert decoded(result).items() >= {**kept, **wanted.data}.items()
    assert not differs(target_of(result), wanted)
