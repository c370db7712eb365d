"""Query parameters: `ListOptions` and the options of writes."""

from __future__ import annotations

from collections.abc import Mapping

from redox_sandbox.kubernetes import field_errors
from redox_sandbox.kubernetes.commits import WriteOptions
from redox_sandbox.kubernetes.errors import StatusError, bad_request, invalid
from redox_sandbox.kubernetes.field_errors import FieldError
from redox_sandbox.kubernetes.managed_fields import manager_of
from redox_sandbox.kubernetes.reading import ListOptions
from redox_sandbox.kubernetes.resources import Resource
from redox_sandbox.kubernetes.selectors import parse_field_selector, parse_label_selector

Query = Mapping[str, str]
_TRUE = ("1", "true", "True", "TRUE", "t", "T")
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")


def is_watch(query: Query) -> bool:
    """Tell whether a GET of a collection is a watch."""
    return _flag(query, "watch")


def list_options(resource: Resource, query: Query, *, watch: bool) -> ListOptions:
    """Read `ListOptions`.

    Raises:
        StatusError: 400 or 422, a parameter has no meaning, or not together with another.
    """
    limit = _integer(query, "limit") or 0
    timeout = _integer(query, "timeoutSeconds")
    text, match = query.get("resourceVersion", ""), query.get("resourceVersionMatch", "")
    initial = _flag(query, "sendInitialEvents")
    faults = _watch_faults(match, query) if watch else _list_faults(text, match, initial=initial)
    if faults:
        raise invalid("meta.k8s.io", "ListOptions", "", faults)
    fields = parse_field_selector(
        query.get("fieldSelector", ""), resource.strategy.field_names.__contains__
    )
    return ListOptions(
        labels=parse_label_selector(query.get("labelSelector", "")),
        fields=fields,
        limit=limit,
        continue_token=query.get("continue", ""),
        revision=_revision(text, watch=watch),
        match=match,
        timeout=timeout,
        bookmarks=_flag(query, "allowWatchBookmarks"),
        initial_events=initial,
    )


def revision_of(query: Query) -> int | None:
    """Read the `resourceVersion` of a GET.

    Raises:
        StatusError: 400, it is no number.
    """
    return _revision(query.get("resourceVersion", ""), watch=False)


def write_options(
    query: Query, verb: str, user_agent: str, *, subresource: str = "", apply: bool = False
) -> WriteOptions:
    """Read the options of a write; only apply demands a `fieldManager`.

    Raises:
        StatusError: 422, a parameter has no meaning.
    """
    kind = {"create": "CreateOptions", "update": "UpdateOptions"}.get(verb, "PatchOptions")
    faults = []
    dry_run, validation = query.get("dryRun"), query.get("fieldValidation", "")
    if dry_run not in (None, "", "All"):
        faults.append(field_errors.not_supported("dryRun", [dry_run], ("All",)))
    if validation not in _VALIDATIONS:
        faults.append(field_errors.not_supported("fieldValidation", validation, _VALIDATIONS))
    if verb == "patch" and not apply and "force" in query:
        detail = "may not be specified for non-apply patch"
        faults.append(field_errors.forbidden("force", detail))
    if faults:
        raise invalid("meta.k8s.io", kind, "", faults)
    manager = query.get("fieldManager")
    return WriteOptions(
        manager=manager or "" if apply else manager_of(manager, user_agent),
        subresource=subresource,
        dry_run=dry_run == "All",
        field_validation=validation or "Warn",
        force=query.get("force", "false") != "false",
    )


def _flag(query: Query, name: str) -> bool:
    return query.get(name, "") in _TRUE


def _integer(query: Query, name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _revision(text: str, *, watch: bool) -> int | None:
    if not text:
        return None
    if text.isdecimal():
        return int(text)
    sentence = f'strconv.ParseUint: parsing "{text}": invalid syntax'
    message = f'resourceVersion: Invalid value: "{text}": {sentence}'
    if watch:
        # The real server fails so, without a reason.
        raise StatusError(500, "", message)
    raise bad_request(f"invalid resource version: {message}")


def _list_faults(revision: str, match: str, *, initial: bool) -> list[FieldError]:
    faults = []
    if match and not revision:
        detail = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        faults.append(field_errors.forbidden("resourceVersionMatch", detail))
    if match not in ("", "Exact", "NotOlderThan"):
        allowed = ("Exact", "NotOlderThan", "")
        faults.append(field_errors.not_supported("resourceVersionMatch", match, allowed))
    if match == "Exact" and revision == "0":
        detail = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        faults.append(field_errors.forbidden("resourceVersionMatch", detail))
    if initial:
        detail = "sendInitialEvents is forbidden for list"
        faults.append(field_errors.forbidden("sendInitialEvents", detail))
    return faults


def _watch_faults(match: str, query: Query) -> list[FieldError]:
    field = "resourceVersionMatch"
    if "sendInitialEvents" in query:
        if match != "NotOlderThan":
            detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            return [field_errors.forbidden(field, detail)]
    elif match:
        detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        return [field_errors.forbidden(field, detail)]
    return []
