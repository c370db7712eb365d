"""One suite for two API servers: the in-memory one and a real kube-apiserver must answer alike.

Each test runs against both, with the same literal expectation. What the in-memory server leaves out
on purpose stands in the docstring of redox_sandbox.kubernetes.
"""
