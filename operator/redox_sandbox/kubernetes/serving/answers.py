"""Answers: objects, lists, tables and metadata in the form that was negotiated."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import yaml
from aiohttp import web

from redox_sandbox.kubernetes.errors import StatusError, bad_request, not_acceptable
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.reading import Page
from redox_sandbox.kubernetes.resources import Resource
from redox_sandbox.kubernetes.serving.negotiation import Form
from redox_sandbox.kubernetes.tables.columns import partial_metadata, table

_INCLUDES = ("", "Metadata", "Object", "None")


def dump(value: Any) -> bytes:
    """Serialise as compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def answer(
    code: int, body: Any, form: Form | None = None, warnings: Iterable[str] = ()
) -> web.Response:
    """Return a response with a JSON or YAML body, and a Warning header for each warning."""
    if form is not None and form.yaml:
        content, media = yaml.safe_dump(body, allow_unicode=True).encode(), "application/yaml"
    else:
        content, media = dump(body), "application/json"
    response = web.Response(status=code, body=content, content_type=media)
    for warning in warnings:
        quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response


def failure(error: StatusError) -> web.Response:
    """Return the response of a failed request."""
    response = answer(error.code, error.status(), warnings=error.warnings)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def include_object(value: str) -> str:
    """Check `includeObject`.

    Raises:
        StatusError: 400, it is none of the three.
    """
    if value not in _INCLUDES:
        raise bad_request(
            f'Unable to convert to Table as requested: includeObject: Invalid value: "{value}": '
            "must be 'Metadata', 'Object', 'None', or empty"
        )
    return value or "Metadata"


def transform_object(
    resource: Resource,
    encoded: Object,
    form: Form,
    include: str,
    now: datetime,
    stored: Object | None = None,
    *,
    headers: bool = True,
) -> Object:
    """Bring one object into the negotiated form; columns read the stored one.

    Raises:
        StatusError: the form is one of lists.
    """
    match form.transform:
        case "Table":
            metadata = {"resourceVersion": encoded["metadata"].get("resourceVersion", "")}
            result = table(
                resource.strategy.columns,
                [stored or encoded],
                now,
                metadata,
                include,
                headers=headers,
            )
            if include == "Object":
                result["rows"][0]["object"] = encoded
            return result
        case "PartialObjectMetadata":
            return partial_metadata(encoded)
        case "PartialObjectMetadataList":
            raise StatusError(500, "", "content is not a list")
        case _:
            return encoded


def transform_page(
    resource: Resource, page: Page, form: Form, include: str, now: datetime
) -> Object:
    """Bring a list into the negotiated form.

    Raises:
        StatusError: 406, the form is one of single objects.
    """
    strategy = resource.strategy
    match form.transform:
        case "Table":
            result = table(strategy.columns, page.objects, now, page.metadata(), include)
            if include == "Object":
                for row, obj in zip(result["rows"], page.objects, strict=True):
                    row["object"] = strategy.encode(resource, obj)
            return result
        case "PartialObjectMetadataList":
            return {
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": page.metadata(),
                "items": [partial_metadata(obj) for obj in page.objects],
            }
        case "PartialObjectMetadata":
            raise not_acceptable(
                "you requested PartialObjectMetadata, but the requested object is a list"
            )
        case _:
            return _full_list(resource, page)


def _full_list(resource: Resource, page: Page) -> Object:
    strategy = resource.strategy
    items = [strategy.encode(resource, obj) for obj in page.objects]
    if not strategy.custom:
        # Items of typed lists do not repeat their kind.
        for item in items:
            item.pop("kind", None)
            item.pop("apiVersion", None)
    metadata = page.metadata()
    if strategy.custom:
        metadata.setdefault("continue", "")
    return {
        "kind": resource.list_name,
        "apiVersion": resource.api_version,
        "metadata": metadata,
        "items": items,
    }
