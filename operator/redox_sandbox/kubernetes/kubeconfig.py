"""The kubeconfig that clients use to reach the server."""

from __future__ import annotations

from pathlib import Path

import yaml

from redox_sandbox.kubernetes.objects import Object

NAME = "redox-sandbox"


def write_kubeconfig(path: Path, url: str) -> None:
    """Write a kubeconfig with one cluster, one user without credentials, and one context."""
    content: Object = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": {"server": url}}],
        "users": [{"name": NAME, "user": {}}],
        "contexts": [
            {"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": "default"}}
        ],
        "current-context": NAME,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
