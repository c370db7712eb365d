"""Events in both of their groups."""

from __future__ import annotations

import pytest

from tests.conformance.answers import Cause, bad_value, invalid, required, settled, status
from tests.conformance.server import Object, Server

NOW = "2026-01-01T00:00:00.123456Z"


@pytest.fixture
def core(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/events"


@pytest.fixture
def new(namespace: str) -> str:
    return f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"


def event(namespace: str, name: str = "e", **fields: object) -> Object:
    whole = {
        "metadata": {"name": name},
        "eventTime": NOW,
        "reportingController": "example.com/controller",
        "reportingInstance": "controller-1",
        "action": "Act",
        "reason": "Because",
        "type": "Normal",
        "note": "something happened",
        "regarding": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "c",
            "namespace": namespace,
        },
        **fields,
    }
    return {key: value for key, value in whole.items() if value is not None}


def test_an_event_is_served_in_both_groups(
    server: Server, namespace: str, core: str, new: str
) -> None:
    created = server.post(new, event(namespace))

    about = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "namespace": namespace}
    metadata = {"name": "e", "namespace": namespace}
    assert created.code == 201, created.body
    assert settled(created.body) == {
        "kind": "Event",
        "apiVersion": "events.k8s.io/v1",
        "metadata": metadata,
        "eventTime": NOW,
        "reportingController": "example.com/controller",
        "reportingInstance": "controller-1",
        "action": "Act",
        "reason": "Because",
        "regarding": about,
        "note": "something happened",
        "type": "Normal",
        "deprecatedSource": {},
        "deprecatedFirstTimestamp": None,
        "deprecatedLastTimestamp": None,
    }
    assert settled(server.get(f"{core}/e").body) == {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": metadata,
        "eventTime": NOW,
        "reportingComponent": "example.com/controller",
        "reportingInstance": "controller-1",
        "action": "Act",
        "reason": "Because",
        "involvedObject": about,
        "message": "something happened",
        "type": "Normal",
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
    }


def test_an_old_event_is_served_in_the_new_group(
    server: Server, namespace: str, core: str, new: str
) -> None:
    about = {"kind": "ConfigMap", "name": "c", "namespace": namespace}
    seen = "2026-01-01T00:00:00Z"
    server.make(
        core,
        {
            "metadata": {"name": "e"},
            "involvedObject": about,
            "reason": "Because",
            "message": "m",
            "type": "Warning",
            "source": {"component": "old"},
            "firstTimestamp": seen,
            "lastTimestamp": seen,
            "count": 2,
        },
    )

    assert settled(server.get(f"{new}/e").body) == {
        "kind": "Event",
        "apiVersion": "events.k8s.io/v1",
        "metadata": {"name": "e", "namespace": namespace},
        "eventTime": None,
        "reason": "Because",
        "regarding": about,
        "note": "m",
        "type": "Warning",
        "deprecatedSource": {"component": "old"},
        "deprecatedFirstTimestamp": seen,
        "deprecatedLastTimestamp": seen,
        "deprecatedCount": 2,
    }


def test_events_are_selected_by_what_they_are_about(
    server: Server, namespace: str, core: str, new: str
) -> None:
    server.make(new, event(namespace))
    other = {"kind": "Secret", "apiVersion": "v1", "name": "s", "namespace": namespace}
    server.make(new, event(namespace, "f", regarding=other))

    def selected(path: str, selector: str) -> list[str]:
        items = server.get(f"{path}?fieldSelector={selector}").body["items"]
        return [item["metadata"]["name"] for item in items]

    assert selected(core, "involvedObject.name=c") == ["e"]
    assert selected(core, "involvedObject.kind=Secret,reason=Because") == ["f"]
    assert selected(new, "regarding.name=s") == ["f"]
    assert selected(new, "type=Warning") == []


@pytest.mark.parametrize(
    ("fields", "causes"),
    [
        pytest.param(
            {"eventTime": None, "type": "Odd"},
            [required("eventTime"), bad_value("type", '""', "has invalid value: Odd")],
            id="no time and an odd type",
        ),
        pytest.param({"action": None}, [required("action")], id="no action"),
        pytest.param(
            {"reportingInstance": None}, [required("reportingInstance")], id="no instance"
        ),
        pytest.param(
            {"reason": "r" * 129, "note": "n" * 1025},
            [
                bad_value("reason", '""', "can have at most 128 characters"),
                bad_value("message", '""', "can have at most 1024 characters"),
            ],
            id="too long",
        ),
        pytest.param(
            {"regarding": {"apiVersion": "v1", "kind": "Namespace", "name": "c"}},
            [bad_value("involvedObject.namespace", '""', "does not match event.namespace")],
            id="about an object without a namespace",
        ),
        pytest.param(
            {"series": {"count": 1, "lastObservedTime": NOW}},
            [bad_value("series.count", '""', "should be at least 2")],
            id="a series of one",
        ),
    ],
)
def test_an_event_that_breaks_a_rule_is_422(
    server: Server, namespace: str, new: str, fields: Object, causes: list[Cause]
) -> None:
    answer = server.post(new, event(namespace, **fields))

    assert status(answer) == invalid("Event", "e", *causes)


def test_a_series_may_grow_and_a_reason_not_change(
    server: Server, namespace: str, new: str
) -> None:
    server.make(new, event(namespace))
    series = {"count": 2, "lastObservedTime": "2026-01-01T00:01:00.000000Z"}

    grown = server.patch(f"{new}/e", {"series": series})
    changed = server.patch(f"{new}/e", {"reason": "Other"})

    assert grown.body["series"] == series
    cause = bad_value("reason", '"Other"', "field is immutable")
    assert status(changed) == invalid("Event", "e", cause)


def test_the_table_of_events(server: Server, namespace: str, core: str, new: str) -> None:
    server.make(new, event(namespace))
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"

    body = server.get(f"{core}/e", accept=table).body

    names = [(column["name"], column["priority"]) for column in body["columnDefinitions"]]
    assert names == [
        ("Last Seen", 0),
        ("Type", 0),
        ("Reason", 0),
        ("Object", 0),
        ("Subobject", 1),
        ("Source", 1),
        ("Message", 0),
        ("First Seen", 1),
        ("Count", 1),
        ("Name", 1),
    ]
    cells = body["rows"][0]["cells"]
    assert cells[0].endswith("d")
    assert cells[1:7] == [
        "Normal",
        "Because",
        "configmap/c",
        "",
        "example.com/controller, controller-1",
        "something happened",
    ]
    assert cells[7:] == [cells[0], 1, "e"]
