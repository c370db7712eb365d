"""CustomResourceDefinitions: their own defaults and rules, changes, deletion."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.conformance.answers import Cause, bad_value, failure, invalid, required, status
from tests.conformance.objects import DEFINITIONS, GROUP, definition
from tests.conformance.server import Answer, Object, Server

KIND = "CustomResourceDefinition"


@pytest.fixture
def plural(server: Server) -> Iterator[str]:
    """A plural that no other test uses; what is defined under it is deleted."""
    name = f"gadgets{secrets.token_hex(3)}"
    yield name
    server.delete(f"{DEFINITIONS}/{name}.{GROUP}")


def established(answer: Answer) -> bool:
    conditions = answer.body.get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def define(server: Server, plural: str, **version: object) -> str:
    """Define a kind and wait until it is served; return the path of the definition."""
    path = f"{DEFINITIONS}/{plural}.{GROUP}"
    server.make(DEFINITIONS, definition(plural, plural.capitalize(), version=version or None))
    server.wait(path, established)
    server.wait(f"/apis/{GROUP}/v1/{plural}", lambda answer: answer.code == 200)
    return path


def gadget(plural: str, name: str, metadata: Object | None = None, **spec: object) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": plural.capitalize(),
        "metadata": {"name": name, **(metadata or {})},
        "spec": spec,
    }


def test_names_and_conversion_get_their_defaults(server: Server, plural: str) -> None:
    path = define(server, plural)

    body = server.get(path).body

    names = {
        "plural": plural,
        "singular": plural,
        "kind": plural.capitalize(),
        "listKind": f"{plural.capitalize()}List",
    }
    assert body["metadata"]["generation"] == 1
    assert body["spec"]["names"] == names
    assert body["spec"]["conversion"] == {"strategy": "None"}
    assert body["status"]["acceptedNames"] == names
    assert body["status"]["storedVersions"] == ["v1"]
    conditions = {
        condition["type"]: (condition["status"], condition["reason"], condition["message"])
        for condition in body["status"]["conditions"]
    }
    assert conditions == {
        "NamesAccepted": ("True", "NoConflicts", "no conflicts found"),
        "Established": (
            "True",
            "InitialNamesAccepted",
            "the initial names have been accepted",
        ),
    }


def without_schema(crd: Object) -> None:
    del crd["spec"]["versions"][0]["schema"]


def misnamed(crd: Object) -> None:
    crd["metadata"]["name"] = "x"


def typeless(crd: Object) -> None:
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"] = {"type": "object", "properties": {"a": {}}}


SCHEMA = "spec.versions[0].schema.openAPIV3Schema"


@pytest.mark.parametrize(
    ("spoil", "name", "causes"),
    [
        pytest.param(
            without_schema,
            f"spoilts.{GROUP}",
            [required(SCHEMA)],
            id="no schema",
        ),
        pytest.param(
            misnamed,
            "x",
            [bad_value("metadata.name", '"x"', 'must be spec.names.plural+"."+spec.group')],
            id="another name",
        ),
        pytest.param(
            typeless,
            f"spoilts.{GROUP}",
            [
                required(
                    "spec.validation.openAPIV3Schema.properties[spec].properties[a].type",
                    "must not be empty for specified object fields",
                )
            ],
            id="a field without a type",
        ),
    ],
)
def test_a_definition_that_breaks_a_rule_is_422(
    server: Server, spoil: Callable[[Object], None], name: str, causes: list[Cause]
) -> None:
    crd = copy.deepcopy(definition("spoilts", "Spoilt"))
    spoil(crd)

    answer = server.post(DEFINITIONS, crd)

    expected = invalid(KIND, name, *causes, group="apiextensions.k8s.io")
    assert status(answer) == expected


def test_the_group_cannot_change(server: Server, plural: str) -> None:
    path = define(server, plural)

    answer = server.patch(path, {"spec": {"group": "other.example"}})

    causes = status(answer)["details"]["causes"]
    assert answer.code == 422
    assert bad_value("spec.group", '"other.example"', "field is immutable") in causes


def test_new_names_are_accepted_and_served(server: Server, plural: str) -> None:
    path = define(server, plural)
    short = f"g{plural[-3:]}"

    changed = server.patch(path, {"spec": {"names": {"shortNames": [short]}}}).body

    assert changed["metadata"]["generation"] == 2
    server.wait(
        f"/apis/{GROUP}/v1",
        lambda answer: any(
            entry.get("shortNames") == [short] for entry in answer.body["resources"]
        ),
    )


def test_a_new_default_shows_in_objects_that_are_there(
    server: Server, namespace: str, plural: str
) -> None:
    spec: Object = {"type": "object", "properties": {"a": {"type": "string"}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    path = define(server, plural, schema={"openAPIV3Schema": schema})
    objects = f"/apis/{GROUP}/v1/namespaces/{namespace}/{plural}"
    before = server.make(objects, gadget(plural, "g", a="x"))
    crd = server.get(path).body
    spec["properties"]["b"] = {"type": "string", "default": "y"}
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema

    server.put(path, crd)

    after = server.wait(f"{objects}/g", lambda answer: "b" in answer.body["spec"]).body
    assert after["spec"] == {"a": "x", "b": "y"}
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_without_a_status_subresource_the_status_is_a_field(
    server: Server, namespace: str, plural: str
) -> None:
    status_schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"status": status_schema}}
    define(server, plural, schema={"openAPIV3Schema": schema})
    objects = f"/apis/{GROUP}/v1/namespaces/{namespace}/{plural}"

    created = server.make(objects, {**gadget(plural, "g"), "status": {"a": 1}})
    changed = server.patch(f"{objects}/g", {"status": {"a": 2}}).body

    assert (created["status"], changed["status"]) == ({"a": 1}, {"a": 2})
    assert changed["metadata"]["generation"] == 2
    assert server.patch(f"{objects}/g/status", {"status": {"a": 3}}).code == 404


def test_without_columns_there_is_the_age(server: Server, namespace: str, plural: str) -> None:
    define(server, plural)
    objects = f"/apis/{GROUP}/v1/namespaces/{namespace}/{plural}"
    server.make(objects, gadget(plural, "g"))

    table = server.get(objects, accept="application/json;as=Table;v=v1;g=meta.k8s.io").body

    shown = [(column["name"], column["type"]) for column in table["columnDefinitions"]]
    assert shown == [("Name", "string"), ("Age", "date")]


def test_a_cluster_scoped_kind_has_no_namespace(server: Server, plural: str) -> None:
    crd = definition(plural, plural.capitalize())
    crd["spec"]["scope"] = "Cluster"
    server.make(DEFINITIONS, crd)
    server.wait(f"/apis/{GROUP}/v1/{plural}", lambda answer: answer.code == 200)

    created = server.post(f"/apis/{GROUP}/v1/{plural}", gadget(plural, "g"))

    assert created.code == 201
    assert "namespace" not in created.body["metadata"]
    assert server.get(f"/apis/{GROUP}/v1/namespaces/default/{plural}").code == 404


def test_a_definition_goes_after_its_objects(server: Server, namespace: str, plural: str) -> None:
    path = define(server, plural)
    objects = f"/apis/{GROUP}/v1/namespaces/{namespace}/{plural}"
    server.make(objects, gadget(plural, "held", {"finalizers": ["example.com/keep"]}))
    server.make(objects, gadget(plural, "free"))

    marked = server.delete(path)

    assert marked.body["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    server.wait_gone(f"{objects}/free")
    assert status(server.post(objects, gadget(plural, "late"))) == failure(
        403,
        "Forbidden",
        f'{plural}.{GROUP} "late" is forbidden: create not allowed while custom resource '
        "definition is terminating",
        {"name": "late", "group": GROUP, "kind": plural},
    )
    server.patch(f"{objects}/held", {"metadata": {"finalizers": None}})
    server.wait_gone(path)
    server.wait_gone(f"/apis/{GROUP}/v1/{plural}")
