"""A Kubernetes API server that the demo runs on, ready for the operator."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NAMESPACE = "redox-demo"

Say = Callable[[str], None]
"""Tells the person at the terminal what happens."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One API server with the CRDs, the operator's rights and the namespace of the demo."""

    description: str
    kubeconfig: Path
    """Of a person who may do what the demo does."""
    operator_kubeconfig: Path
    operator_namespaces: str
    """The setting NAMESPACES of the operator; empty for all."""
    context: str | None = None
    """The person's own context; None on an API server that the demo started."""

    def hint(self) -> tuple[str, ...]:
        """The commands that show the credentials in another terminal."""
        if self.context is not None:
            context = shlex.quote(self.context)
            return (f"{kubectl_command()} --context {context} get rxc -n {NAMESPACE}",)
        return (
            f"export KUBECONFIG={shlex.quote(str(self.kubeconfig))}",
            f"{kubectl_command()} get rxc -n {NAMESPACE}",
        )


def kubectl_command() -> str:
    """How a person calls kubectl here: their own, else the one in .venv."""
    if shutil.which("kubectl"):
        return "kubectl"
    return shlex.quote(str(Path(sys.executable).with_name("kubectl")))
