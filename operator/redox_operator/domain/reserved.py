"""Names on the target Secret that are not the author's: of ours and of tools that act on them."""

from __future__ import annotations

STANDARD_KEYS = ("access_token", "token_type", "expires_at", "authorization")
"""The data keys that every target Secret has."""

_RESERVED_KEYS = frozenset((*STANDARD_KEYS, "scope"))
_RESERVED_KEY_PREFIXES = ("access_token", "expires_", "issued_")

_RESERVED_DOMAINS = (
    "redox-operator.dev",
    "kubernetes.io",
    "k8s.io",
    "argocd.argoproj.io",
    "helm.sh",
    "meta.helm.sh",
    "toolkit.fluxcd.io",
    "velero.io",
    "reloader.stakater.com",
)
_ALLOWED_NAMES = frozenset(
    f"app.kubernetes.io/{name}" for name in ("name", "part-of", "component", "version")
)


def is_reserved_key(key: str) -> bool:
    """Whether a data key is one of the standard keys, or kept for later ones."""
    return key in _RESERVED_KEYS or key.startswith(_RESERVED_KEY_PREFIXES)


def is_reserved_name(name: str) -> bool:
    """Whether a label or annotation belongs to the operator, to Kubernetes or to a GitOps tool.

    Such names make others act on the Secret: prune it, back it up, give it a service account.
    """
    if name in _ALLOWED_NAMES:
        return False
    prefix, slash, _ = name.partition("/")
    if not slash:
        return False
    return any(prefix == domain or prefix.endswith("." + domain) for domain in _RESERVED_DOMAINS)
