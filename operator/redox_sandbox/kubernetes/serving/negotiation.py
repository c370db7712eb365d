"""Which form of an answer a client takes (`Accept`)."""

from __future__ import annotations

from dataclasses import dataclass

from redox_sandbox.kubernetes.errors import not_acceptable

_JSON = ("application/json", "application/*", "*/*", "")
_YAML = "application/yaml"
_FORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
_VERSIONS = ("v1", "v1beta1")


@dataclass(frozen=True, slots=True)
class Form:
    """`transform`: Table, PartialObjectMetadata, PartialObjectMetadataList, or nothing."""

    transform: str = ""
    yaml: bool = False


def negotiate(accept: str, *, transforms: bool = True) -> Form:
    """Return the first form that the client names and that exists.

    Raises:
        StatusError: 406, there is none.
    """
    for clause in accept.split(","):
        media_type, *parameters = (part.strip() for part in clause.split(";"))
        given = dict(part.partition("=")[::2] for part in parameters)
        transform = given.get("as", "")
        if media_type not in (*_JSON, _YAML):
            continue
        if not transform:
            return Form(yaml=media_type == _YAML)
        group, version = given.get("g"), given.get("v")
        known = transform in _FORMS and group == "meta.k8s.io" and version in _VERSIONS
        if known and transforms:
            return Form(transform, yaml=media_type == _YAML)
    raise not_acceptable()
