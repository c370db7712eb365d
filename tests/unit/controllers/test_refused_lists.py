"""One namespace that may not be listed keeps no other from having a leader."""

from __future__ import annotations

import pytest

from redox_operator.controllers.operator import Options
from redox_operator.domain.credential import Key
from redox_operator.domain.errors import ClusterError
from tests.support.cluster_faults import denied, namespace_missing, unavailable
from tests.support.fake_cluster import CREDENTIALS, SECRETS
from tests.support.replicas import Replicas

WARD = Key("ward", "ehr")
OPTIONS = Options(namespaces=("clinic", "ward"))


@pytest.mark.parametrize("resource", [CREDENTIALS, SECRETS])
def test_a_list_that_is_refused_keeps_the_other_namespace_from_nothing(resource: str) -> None:
    with Replicas(options=OPTIONS) as sim:
        sim.cluster.fail(denied, verb="list", resource=resource, namespace="ward")
        key = sim.create()
        sim.until(lambda: sim.ready(key) == "True", within=20)
        for replica in sim.replicas:
            assert replica.operator.health.readiness() == [
                f"the API server refuses the list of {resource} in ward (403): see deploy/'s RBAC"
            ]
            assert replica.operator.health.liveness() == []


def test_a_refused_namespace_is_served_when_the_rights_are_there() -> None:
    with Replicas(options=OPTIONS) as sim:
        sim.cluster.fail(denied, verb="list", namespace="ward")
        sim.cluster.delivery = lambda: ()
        sim.advance(10)
        sim.create(namespace="ward")
        sim.cluster.heal()
        sim.until(lambda: sim.token(WARD) is not None, within=10)
        assert sim.leader.operator.health.readiness() == []


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(unavailable, id="no answer"),
        pytest.param(namespace_missing, id="no CustomResourceDefinition"),
    ],
)
def test_nobody_leads_before_each_list_was_answered(error: type[ClusterError]) -> None:
    with Replicas(options=OPTIONS) as sim:
        sim.cluster.fail(error, verb="list", resource=CREDENTIALS, namespace="ward")
        sim.advance(60)
        assert sim.leaders == []
        sim.cluster.heal()
        sim.advance(10)
        assert sim.leader
