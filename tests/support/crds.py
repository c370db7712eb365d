"""The project's CustomResourceDefinitions, put into a cluster."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.support.kubernetes_api import KubernetesAPI, Object

CRDS = Path(__file__).parents[2] / "crds"


def apply_crds(api: KubernetesAPI) -> list[str]:
    """Apply them and wait until their resources are served. Their names."""
    names = []
    for path in sorted(CRDS.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document and document["kind"] == "CustomResourceDefinition":
                api.apply(document)
                names.append(document["metadata"]["name"])
    for name in names:
        path_of_crd = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
        api.wait(path_of_crd, _established, f"CRD {name} is established")
    return names


def _established(crd: Object) -> bool:
    # The list is null until the API server has seen the new CRD.
    conditions = crd.get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
