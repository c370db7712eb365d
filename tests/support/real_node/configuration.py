"""The configuration files of containerd and the kubelet, and why they differ from a cluster's."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.real_node.network import CNI_PLUGINS, DNS_ADDRESS

PAUSE_IMAGE = "redox-operator.test/pause:1"
KUBELET_PORT = 10250

CONTAINERD = """\
version = 2
root = "{directory}/containerd/root"
state = "{directory}/containerd/state"
[grpc]
  address = "{directory}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Without CAP_SYS_RESOURCE, as inside another sandbox, runc could not lower it.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{directory}/network"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
[plugins."io.containerd.internal.v1.opt"]
  path = "{directory}/containerd/opt"
"""


def write(directory: Path, *, cgroup: str, sync_frequency: str) -> None:
    """containerd.toml and kubelet.yaml, for a node that lives below `directory`."""
    text = CONTAINERD.format(directory=directory, pause=PAUSE_IMAGE, plugins=CNI_PLUGINS)
    (directory / "containerd.toml").write_text(text)
    kubelet = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{directory}/containerd.sock",
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "syncFrequency": sync_frequency,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        # There is one network namespace for the node alone: nothing to filter in it.
        "makeIPTablesUtilChains": False,
        "port": KUBELET_PORT,
        "readOnlyPort": 0,
        "healthzPort": 0,
        # kube-apiserver asks for logs without a certificate of its own.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "podLogsDir": f"{directory}/logs",
        "volumePluginDir": f"{directory}/volume-plugins",
        # A full disk must not evict pods here.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"nodefs.available": "0%"},
        "resolvConf": "",
        "logging": {"verbosity": 2},
    }
    # JSON is YAML.
    (directory / "kubelet.yaml").write_text(json.dumps(kubelet, indent=1))
