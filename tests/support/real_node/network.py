"""The addresses inside the node's network namespace.

Pods hang on one bridge, whose address is the node's. Service addresses are local to the node
(`ip route add local`), where `service_proxy` listens on them: no packet filter is needed.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.programs import ProgramMissing, require, run

BRIDGE = "pods0"
NODE_ADDRESS = "10.244.0.1"
POD_RANGE = "10.244.0.0/24"
SERVICE_RANGE = "10.96.0.0/16"
"""As `tests/controlplane/apiserver.go` has it."""
API_ADDRESS = "10.96.0.1"
DNS_ADDRESS = "10.96.0.10"
CNI_PLUGINS = Path("/usr/lib/cni")
CNI_PACKAGE = "(on Debian and Ubuntu: apt-get install containernetworking-plugins)"


def set_up_loopback() -> None:
    """What a control plane needs of a new network namespace."""
    require("ip")
    run("ip", "link", "set", "lo", "up")


def set_up(directory: Path) -> None:
    """The bridge and routes of a new network namespace, and the CNI configuration for pods."""
    if not (CNI_PLUGINS / "bridge").exists():
        raise ProgramMissing(f"missing: {CNI_PLUGINS}/bridge {CNI_PACKAGE}")
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{NODE_ADDRESS}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    run("ip", "route", "add", "local", SERVICE_RANGE, "dev", "lo")
    plugin = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(directory / "leases"),
            "ranges": [[{"subnet": POD_RANGE, "gateway": NODE_ADDRESS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    network = {"cniVersion": "1.0.0", "name": "pods", "plugins": [plugin]}
    directory.mkdir(parents=True)
    (directory / "10-pods.conflist").write_text(json.dumps(network))
