"""The sandbox's own path, which no Kubernetes API has: faults, history, the request log.

    GET    /sandbox/faults            faults in force, by number
    POST   /sandbox/faults            put one into force; the body has the fields of `Fault`
    DELETE /sandbox/faults[/NUMBER]   take one or all out of force
    POST   /sandbox/actions           {"action": …, "resource": …, "revision": …, "code": …}
    GET    /sandbox/requests          the request log; the query selects by field
    DELETE /sandbox/requests          forget it

Actions: compact · drop-watches · stall-watches · fail-watches · freeze-reads · thaw-reads · rewind.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from aiohttp import web

from redox_sandbox.kubernetes.errors import StatusError, bad_request, no_such_resource
from redox_sandbox.kubernetes.faults import Fault, Faults
from redox_sandbox.kubernetes.history import CompactedError
from redox_sandbox.kubernetes.objects import Object
from redox_sandbox.kubernetes.request_log import RequestLog
from redox_sandbox.kubernetes.serving.answers import answer

PREFIX = "/sandbox/"


class Admin:
    """Answers the admin path."""

    def __init__(self, faults: Faults, requests: RequestLog) -> None:
        self._faults = faults
        self._requests = requests

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one request.

        Raises:
            StatusError: 404 or 400, it is none of those above.
        """
        topic, _, rest = request.path.removeprefix(PREFIX).partition("/")
        match request.method, topic:
            case "GET", "faults":
                rules = self._faults.in_force().items()
                return answer(200, {str(number): asdict(fault) for number, fault in rules})
            case "POST", "faults":
                return answer(201, {"number": self._faults.add(_fault(await _json(request)))})
            case "DELETE", "faults":
                return self._remove(rest)
            case "POST", "actions":
                return answer(200, self._act(await _json(request)))
            case "GET", "requests":
                return self._log(request)
            case "DELETE", "requests":
                self._requests.clear()
                return answer(200, {})
            case _:
                raise no_such_resource()

    def _remove(self, number: str) -> web.Response:
        if number.isdecimal():
            self._faults.remove(int(number))
        else:
            self._faults.clear()
        return answer(200, {})

    def _act(self, body: Object) -> Object:
        resource = body.get("resource")
        match body.get("action"):
            case "compact":
                self._faults.compact(resource)
            case "drop-watches":
                return {"watches": self._faults.drop_watches(resource)}
            case "stall-watches":
                return {"watches": self._faults.stall_watches(resource)}
            case "fail-watches":
                return {"watches": self._faults.fail_watches(resource, body.get("code", 410))}
            case "freeze-reads":
                self._faults.freeze_reads(str(resource), int(body.get("revision", 0)))
            case "thaw-reads":
                self._faults.thaw_reads()
            case "rewind":
                self._rewind(int(body.get("revision", 0)))
            case _:
                raise bad_request("unknown action; the module serving/admin.py lists them")
        return {}

    def _rewind(self, revision: int) -> None:
        try:
            self._faults.rewind(revision)
        except CompactedError as error:
            raise bad_request(f"{error}; choose a later revision") from error

    def _log(self, request: web.BaseRequest) -> web.Response:
        try:
            found = self._requests.find(**dict(request.query))
        except AttributeError as error:
            raise bad_request("the query names a field that the log does not have") from error
        return answer(200, {"requests": [entry.as_object() for entry in found]})


def _fault(body: Object) -> Fault:
    try:
        return Fault(**{**body, "verbs": tuple(body.get("verbs", ()))})
    except (TypeError, ValueError) as error:
        raise bad_request(f"not a fault: {error}") from error


async def _json(request: web.BaseRequest) -> Object:
    try:
        body: Any = json.loads(await request.read())
    except ValueError as error:
        raise bad_request("the body is not JSON") from error
    if not isinstance(body, dict):
        raise StatusError(400, "BadRequest", "the body is not an object")
    return body
