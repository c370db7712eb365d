"""Owner references: what becomes of dependents when an owner goes."""

from __future__ import annotations

import pytest

from tests.conformance.objects import API_VERSION, config_map, owned_by, widget
from tests.conformance.server import Object, Server, take

pytestmark = pytest.mark.usefixtures("with_controllers")


def names(server: Server, path: str) -> set[str]:
    items = server.get(path).body["items"]
    return {item["metadata"]["name"] for item in items} - {"kube-root-ca.crt"}


def test_a_dependent_goes_after_its_owner(server: Server, widgets: str, configmaps: str) -> None:
    owner = server.make(widgets, widget("owner"))
    server.make(configmaps, config_map("dependent", owned_by(owner, controller=True)))
    server.make(configmaps, config_map("free"))

    server.delete(f"{widgets}/owner")

    server.wait_gone(f"{configmaps}/dependent")
    assert names(server, configmaps) == {"free"}


def test_grandchildren_go_too(server: Server, configmaps: str) -> None:
    owner = server.make(configmaps, config_map("owner"))
    child = server.make(configmaps, config_map("child", owned_by(owner)))
    server.make(configmaps, config_map("grandchild", owned_by(child)))

    server.delete(f"{configmaps}/owner")

    server.wait_gone(f"{configmaps}/grandchild")
    assert names(server, configmaps) == set()


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param({"kind": "ConfigMap", "name": "never", "uid": "none"}, id="never there"),
        pytest.param({"kind": "ConfigMap", "name": "owner", "uid": "none"}, id="another uid"),
    ],
)
def test_a_dependent_of_an_absent_owner_is_collected(
    server: Server, configmaps: str, reference: Object
) -> None:
    server.make(configmaps, config_map("owner"))
    references = {"ownerReferences": [{"apiVersion": "v1", **reference}]}

    server.make(configmaps, config_map("dependent", references))

    server.wait_gone(f"{configmaps}/dependent")


def test_a_recreated_owner_is_another_one(server: Server, widgets: str, configmaps: str) -> None:
    owner = server.make(widgets, widget("owner"))
    server.make(configmaps, config_map("dependent", owned_by(owner)))

    server.delete(f"{widgets}/owner")
    server.make(widgets, widget("owner"))

    server.wait_gone(f"{configmaps}/dependent")


def test_one_owner_of_two_is_enough(server: Server, configmaps: str) -> None:
    first = server.make(configmaps, config_map("first"))
    second = server.make(configmaps, config_map("second"))
    references = owned_by(first)["ownerReferences"] + owned_by(second)["ownerReferences"]
    server.make(configmaps, config_map("dependent", {"ownerReferences": references}))

    server.delete(f"{configmaps}/first")

    left = server.wait(
        f"{configmaps}/dependent",
        lambda answer: len(answer.body["metadata"]["ownerReferences"]) == 1,
    )
    assert left.body["metadata"]["ownerReferences"] == owned_by(second)["ownerReferences"]


def test_orphans_stay_without_their_owner(server: Server, widgets: str, configmaps: str) -> None:
    owner = server.make(widgets, widget("owner"))
    server.make(configmaps, config_map("dependent", owned_by(owner)))
    # The real collector learns of a new dependent a moment later.
    seen_by_collector(server, configmaps)

    marked = server.delete(f"{widgets}/owner", {"propagationPolicy": "Orphan"})

    assert marked.body["metadata"]["finalizers"] == ["orphan"]
    server.wait_gone(f"{widgets}/owner")
    assert "ownerReferences" not in server.get(f"{configmaps}/dependent").body["metadata"]


def test_the_foreground_owner_goes_last(server: Server, configmaps: str) -> None:
    owner = server.make(configmaps, config_map("owner"))
    dependent = config_map("dependent", owned_by(owner, blockOwnerDeletion=True))
    server.make(configmaps, dependent)
    seen_by_collector(server, configmaps)
    revision = server.revision(configmaps)

    marked = server.delete(f"{configmaps}/owner", {"propagationPolicy": "Foreground"})

    assert marked.body["metadata"]["finalizers"] == ["foregroundDeletion"]
    server.wait_gone(f"{configmaps}/owner")
    query = f"watch=1&timeoutSeconds=10&resourceVersion={revision}"
    with server.watching(f"{configmaps}?{query}") as lines:
        deleted = [line.brief for line in take(lines, 3) if line.type == "DELETED"]
    assert deleted == [("DELETED", "dependent"), ("DELETED", "owner")]


def test_a_finalizer_on_a_dependent_is_respected(server: Server, configmaps: str) -> None:
    owner = server.make(configmaps, config_map("owner"))
    metadata = {**owned_by(owner), "finalizers": ["example.com/keep"]}
    server.make(configmaps, config_map("dependent", metadata))

    server.delete(f"{configmaps}/owner")

    server.wait(
        f"{configmaps}/dependent",
        lambda answer: "deletionTimestamp" in answer.body["metadata"],
    )
    server.patch(f"{configmaps}/dependent", {"metadata": {"finalizers": None}})
    server.wait_gone(f"{configmaps}/dependent")


def test_an_owner_of_an_unknown_kind_may_be_there(server: Server, configmaps: str) -> None:
    unknown = {"apiVersion": "nowhere.example/v1", "kind": "Thing", "name": "t", "uid": "u"}
    server.make(configmaps, config_map("dependent", {"ownerReferences": [unknown]}))
    # Collected after the one before it, so that it had its turn.
    seen_by_collector(server, configmaps)

    assert server.get(f"{configmaps}/dependent").code == 200


def test_the_owner_may_be_a_custom_resource_of_the_suite(
    server: Server, widgets: str, configmaps: str
) -> None:
    owner = server.make(widgets, widget("owner"))

    dependent = server.make(configmaps, config_map("dependent", owned_by(owner)))

    assert dependent["metadata"]["ownerReferences"][0]["apiVersion"] == API_VERSION
    seen_by_collector(server, configmaps)
    assert server.get(f"{configmaps}/dependent").code == 200


def seen_by_collector(server: Server, configmaps: str) -> None:
    """Wait until the collector has dealt with all that was created before."""
    absent = {"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "uid": "none"}
    server.make(configmaps, config_map("marker", {"ownerReferences": [absent]}))
    server.wait_gone(f"{configmaps}/marker")
