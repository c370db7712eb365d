"""Manifests and measurements of the tests: an application, and what its pods say."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.archives import CONSUMER
from tests.support.kubectl import Kubectl, KubectlError

ROOT = Path(__file__).parents[2]
SANDBOX_NAMESPACE = "redox-sandbox"
POLL_SECONDS = 0.5

Object = dict[str, Any]


def application() -> Object:
    """The Deployment of docs/examples, with its image, its Secret and the sandbox's authority."""
    deployment: Object = yaml.safe_load((ROOT / "docs/examples/pods/python.yaml").read_text())
    deployment["metadata"]["namespace"] = SANDBOX_NAMESPACE
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    container["image"] = CONSUMER.name
    # The consumer is in the image.
    del container["command"]
    container["env"] = [
        {"name": "INTERVAL", "value": "1"},
        {"name": "SSL_CERT_FILE", "value": "/ca/ca.crt"},
    ]
    container["volumeMounts"] = [
        {"name": "redox", "mountPath": "/redox", "readOnly": True},
        {"name": "ca", "mountPath": "/ca", "readOnly": True},
    ]
    pod["volumes"] = [
        {"name": "redox", "secret": {"secretName": "sandbox-token", "defaultMode": 0o440}},
        {
            "name": "ca",
            "secret": {
                "secretName": "redox-sandbox",
                "defaultMode": 0o440,
                "items": [{"key": "ca.crt", "path": "ca.crt"}],
            },
        },
    ]
    return deployment


def answers(kubectl: Kubectl) -> Counter[str]:
    """What the application has been answered, by the first words of its lines."""
    log = kubectl("logs", "--namespace", SANDBOX_NAMESPACE, "deployment/ehr-python")
    return Counter(re.split(r", |: ", line)[0] for line in log.splitlines())


def wait(seconds: float, what: str, check: Callable[[], Any]) -> Any:
    """What `check` returns, once it is true. A kubectl that fails counts as not yet."""
    deadline = time.monotonic() + seconds
    last = ""
    while time.monotonic() < deadline:
        try:
            if value := check():
                return value
        except KubectlError as error:
            last = f": {error}"
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"not within {seconds} s: {what}{last}")


def seconds_to_ready(pod: Object) -> float:
    """From the start of its container to the kubelet's word that it is ready, whole seconds."""
    (status,) = pod["status"]["containerStatuses"]
    (ready,) = (c for c in pod["status"]["conditions"] if c["type"] == "Ready")
    assert ready["status"] == "True"
    started = datetime.fromisoformat(status["state"]["running"]["startedAt"])
    return (datetime.fromisoformat(ready["lastTransitionTime"]) - started).total_seconds()
