"""One real node beside a control plane: kubelet, containerd, runc, a pod network, Services, DNS.

It runs in namespaces of its own (`namespaces`), so that addresses, mounts and processes of the
machine are left alone and everything ends with one process.
"""
