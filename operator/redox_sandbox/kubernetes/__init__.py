"""An in-memory Kubernetes API, held equal to a real kube-apiserver by tests/conformance.

What it leaves out on purpose: CEL rules (`x-kubernetes-validations`) are stored and not evaluated;
RBAC objects are stored and not enforced, every request is allowed; Pods, Deployments and the like
are stored and nothing runs; no namespace gets a `default` ServiceAccount or a `kube-root-ca.crt`
ConfigMap. Admission webhooks, quotas, conversion webhooks, the `scale` subresource, answers in
protobuf and the expiry of Events do not exist. `managedFields` name who wrote and when; only
server-side apply records which fields, and meets conflicts only among appliers.
"""
