"""Every field of the schema, changed in every way: what is admitted converges, and back again.

An API server that has the real CRD admits or refuses each spec; a real operator on virtual time
gets what was admitted. The in-memory server evaluates no rules: what they would refuse reaches the
operator, as under an older CRD. On the real one the operator must find nothing left to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from redox_operator.domain.conditions import SUSPENDED, TOKEN_ISSUED
from redox_operator.domain.credential import Credential, parse_credential
from redox_operator.domain.endpoint import BUILT_IN
from redox_operator.domain.errors import (
    CredentialError,
    EndpointUnknown,
    KeyNotFound,
    SpecInvalid,
    Stalls,
)
from redox_operator.domain.reserved import STANDARD_KEYS
from redox_operator.domain.target import CONTENT_HASH, EXPIRES_AT, ISSUED_AT
from redox_operator.domain.timestamps import parse_time
from tests.support.controlplane import ControlPlane
from tests.support.crd_schema import SPEC
from tests.support.crds import apply_crds
from tests.support.fake_cluster import CREDENTIALS, SECRETS, Object, decoded
from tests.support.kubernetes_api import APIError, KubernetesAPI
from tests.support.kubernetes_sandbox import KubernetesSandbox
from tests.support.manifests import API_VERSION
from tests.support.schema_mutations import Mutation, good_spec, mutations
from tests.support.simulation import EHR, Simulation

MUTATIONS = mutations()
ONE_REFRESH = 135.0
"""Seconds in which a token of 300 s is refreshed, so that a key or endpoint is missed."""
CONVERGED = 45.0
"""Seconds: a changed input waits up to 30 s for its turn, a failure 10 s for the next look."""
ASKED = {"dryRun": "All", "fieldValidation": "Strict"}
VOLATILE = {EXPIRES_AT, ISSUED_AT, CONTENT_HASH}


class Admission:
    """An API server with the CRD and a good credential, asked what it would admit."""

    def __init__(self, api: KubernetesAPI, *, rules: bool) -> None:
        self.api = api
        self.rules = rules
        """Whether it evaluates CEL."""
        apply_crds(api)
        if not api.exists("/api/v1/namespaces/schema-walk"):
            api.create("/api/v1/namespaces", {"metadata": {"name": "schema-walk"}})
        self.path = f"/apis/{API_VERSION}/namespaces/schema-walk/redoxcredentials"
        if not api.exists(f"{self.path}/ehr"):
            api.create(self.path, _object({"name": "ehr"}, {"spec": good_spec()}))

    def created(self, body: Object) -> Object:
        """The spec as admitted in a new object. Raises APIError."""
        answer = self.api.create(self.path, _object({"name": "another"}, body), **ASKED)
        spec: Object = answer["spec"]
        return spec

    def updated(self, body: Object) -> Object:
        """The spec as admitted in place of the good one. Raises APIError."""
        place = f"{self.path}/ehr"
        metadata = self.api.get(place)["metadata"]
        spec: Object = self.api.replace(place, _object(metadata, body), **ASKED)["spec"]
        return spec


def _object(metadata: Object, body: Object) -> Object:
    return {"apiVersion": API_VERSION, "kind": "RedoxCredential", "metadata": metadata, **body}


@pytest.fixture(scope="module")
def in_memory() -> Iterator[Admission]:
    with (
        KubernetesSandbox.start() as sandbox,
        KubernetesAPI.from_kubeconfig(sandbox.kubeconfig) as api,
    ):
        yield Admission(api, rules=False)


@pytest.fixture(scope="module")
def real(controlplane: ControlPlane) -> Iterator[Admission]:
    with KubernetesAPI(controlplane.url, controlplane.ca_file, controlplane.token) as api:
        yield Admission(api, rules=True)


@pytest.fixture(params=["in_memory", pytest.param("real", marks=pytest.mark.controlplane)])
def admission(request: pytest.FixtureRequest) -> Admission:
    """One after the other, each for the whole walk."""
    found: Admission = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("path", SPEC)
def test_a_field_that_is_changed_converges_and_so_does_the_way_back(
    path: str, admission: Admission
) -> None:
    with Simulation() as sim:
        sim.create(**good_spec())
        sim.until(lambda: sim.ready() == "True", within=3)
        before = shape(sim)
        for mutation in of(path):
            spec = admitted(admission.updated, mutation)
            if spec is None:
                continue
            replace_spec(sim, spec)
            sim.advance(ONE_REFRESH)
            check(sim, spec, admission, mutation, had_token=True)
            go_back(sim, mutation)
            assert shape(sim) == before, mutation


@pytest.mark.parametrize("path", SPEC)
def test_a_new_credential_with_a_changed_field_converges_and_so_does_its_correction(
    path: str, admission: Admission
) -> None:
    for mutation in of(path):
        spec = admitted(admission.created, mutation)
        if spec is None:
            continue
        with Simulation() as sim:
            sim.write_key("k1")
            sim.cluster.create(CREDENTIALS, *EHR, spec=spec)
            sim.advance(CONVERGED)
            check(sim, spec, admission, mutation, had_token=False)
            go_back(sim, mutation)
            assert sim.stored().keys() == {*STANDARD_KEYS, *good_spec()["target"]["stringData"]}


def test_the_walk_changes_every_field_so_that_it_is_admitted_and_so_that_it_is_refused(
    in_memory: Admission,
) -> None:
    for path in SPEC:
        outcomes = {admitted(in_memory.created, mutation) is None for mutation in of(path)}
        assert outcomes == {True, False}, path


def of(path: str) -> list[Mutation]:
    """The changes of one field."""
    return [each for each in MUTATIONS if each.path == path]


def admitted(ask: Callable[[Object], Object], mutation: Mutation) -> Object | None:
    """The spec, or None where it is refused, with words about this field."""
    try:
        return ask(mutation.body)
    except APIError as error:
        refused = error
    assert refused.status in (400, 422), mutation
    field = re.sub(r"\[.?\]", "", mutation.path).rsplit(".", 1)[-1]
    assert field in refused.message, (str(mutation), refused.message)
    return None


def replace_spec(sim: Simulation, spec: Object) -> None:
    """Put the whole spec in place of the credential's."""
    before = sim.cluster.get(CREDENTIALS, *EHR)
    assert before is not None
    sim.cluster.change(CREDENTIALS, *EHR, {"spec": difference(before["spec"], spec)})


def difference(before: Object, after: Object) -> Object:
    """The merge patch that leads from one to the other."""
    patch: Object = dict.fromkeys(before.keys() - after.keys())
    for name, value in after.items():
        old = before.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        patch[name] = difference(old or {}, value) if both else value
    return patch


def check(
    sim: Simulation, spec: Object, admission: Admission, mutation: Mutation, *, had_token: bool
) -> None:
    """What is told is so, and stays so."""
    credential = parsed(spec)
    if admission.rules:
        assert credential is not None, mutation
    assert reasons(sim) == expected(credential, had_token=had_token), mutation
    status = sim.status()
    generations = {each["observedGeneration"] for each in status["conditions"]}
    assert generations == {status["observedGeneration"]} == {sim.generation()}, mutation
    if sim.healthy()[0] == "False":
        assert re.search(r"\w.*\.$", sim.message("RefreshHealthy")), mutation
    if credential is not None and sim.healthy()[0] == "True" and not credential.suspend:
        check_target(sim, credential, mutation)
    told = reasons(sim)
    sim.advance(7)
    assert reasons(sim) == told, mutation


def parsed(spec: Object) -> Credential | None:
    try:
        return parse_credential({"metadata": _METADATA, "spec": spec})
    except SpecInvalid:
        return None


_METADATA = {"namespace": EHR.namespace, "name": EHR.name, "uid": "uid", "generation": 1}


def reasons(sim: Simulation) -> tuple[tuple[str, str], tuple[str, str], str]:
    """Ready, RefreshHealthy, and whether it is stalled."""
    return sim.condition("Ready"), sim.healthy(), sim.condition("Stalled")[0]


def expected(
    credential: Credential | None, *, had_token: bool
) -> tuple[tuple[str, str], tuple[str, str], str]:
    """What the conditions must say of a spec, by the reasons' table."""
    error = failure(credential)
    if credential is not None and credential.suspend:
        if had_token:
            return ("True", SUSPENDED), ("True", TOKEN_ISSUED), "False"
        return ("False", SUSPENDED), ("Unknown", SUSPENDED), "False"
    if error is None:
        return ("True", TOKEN_ISSUED), ("True", TOKEN_ISSUED), "False"
    ready = ("True", TOKEN_ISSUED) if had_token else ("False", error.reason)
    return ready, ("False", error.reason), str(error.stalls is Stalls.NOW)


def failure(credential: Credential | None) -> type[CredentialError] | None:
    """Why the operator cannot serve it."""
    if credential is None:
        return SpecInvalid
    if credential.endpoint not in {each.name for each in BUILT_IN}:
        return EndpointUnknown
    reference = credential.private_key
    if (reference.name, reference.key) != ("ehr-redox-key", "privateKey"):
        return KeyNotFound
    return None


def check_target(sim: Simulation, credential: Credential, mutation: Mutation) -> None:
    """The Secret has what the spec asks for, and a token that lives."""
    wanted = credential.target
    secret = sim.cluster.get(SECRETS, EHR.namespace, wanted.secret_name)
    assert secret is not None, mutation
    data, metadata = decoded(secret), secret["metadata"]
    assert data.keys() == {*STANDARD_KEYS, *wanted.string_data}, mutation
    assert metadata["labels"].items() >= wanted.labels.items(), mutation
    assert metadata["annotations"].items() >= wanted.annotations.items(), mutation
    expires_at = parse_time(data["expires_at"])
    assert expires_at is not None, mutation
    assert expires_at > sim.clock.read().wall, mutation
    for name, template in wanted.string_data.items():
        assert ("$(accessToken)" in template) == (data["access_token"] in data[name]), mutation


def go_back(sim: Simulation, mutation: Mutation) -> None:
    """Write the good spec again; it is served as if nothing had been."""
    replace_spec(sim, good_spec())
    served = (("True", TOKEN_ISSUED), ("True", TOKEN_ISSUED), "False")

    def converged() -> bool:
        seen = sim.status()["observedGeneration"] == sim.generation()
        return seen and reasons(sim) == served and sim.condition("Reconciling")[0] == "False"

    try:
        sim.until(converged, within=CONVERGED, every=1)
    except AssertionError:
        raise AssertionError(f"{mutation}: {sim.status()}") from None


def shape(sim: Simulation) -> Object:
    """The target but for what each token brings anew."""
    secret = sim.secret()
    assert secret is not None
    metadata = {name: secret["metadata"][name] for name in ("uid", "labels", "ownerReferences")}
    annotations = secret["metadata"]["annotations"]
    metadata["annotations"] = {name: annotations[name] for name in annotations.keys() - VOLATILE}
    own = {name: text for name, text in decoded(secret).items() if name not in STANDARD_KEYS}
    return {**metadata, "own": own}
