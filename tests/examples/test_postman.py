"""The Postman collection, walked as Postman does: variables, requests, scripts."""

from __future__ import annotations

import json
import re
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from redox_operator.adapters.client_assertion.key_set import parse
from tests.examples.access_tokens import CLIENT_ID, KEY_ID
from tests.examples.documents import blocks, page
from tests.examples.programs import EXAMPLES, environment, program, run
from tests.examples.reader import Reader
from tests.support.keys import jwk, rsa_pem
from tests.support.redox_sandbox import RedoxSandbox

POSTMAN = EXAMPLES / "postman"
COLLECTION = json.loads((POSTMAN / "redox.postman_collection.json").read_text())
ENVIRONMENT = json.loads((POSTMAN / "redox.postman_environment.json").read_text())

_VARIABLE = re.compile(r"\{\{(\w+)\}\}")
_SET = re.compile(r"pm\.environment\.set\('(\w+)', pm\.response\.json\(\)\.(\w+)\);")
_UNSET = re.compile(r"pm\.environment\.unset\('(\w+)'\);")


class Postman:
    """As much of Postman as the collection uses; anything else raises."""

    def __init__(self, variables: dict[str, str], ca_file: str) -> None:
        self.variables = variables
        self._http = httpx.Client(
            verify=ssl.create_default_context(cafile=ca_file), timeout=10, trust_env=False
        )

    def send(self, item: dict[str, Any]) -> httpx.Response:
        """Send the item's request, then run its scripts."""
        request = item["request"]
        headers = {each["key"]: self.render(each["value"]) for each in request["header"]}
        headers |= self._authorization(request.get("auth", COLLECTION["auth"]))
        response = self._http.request(
            request["method"],
            self.render(request["url"]),
            headers=headers,
            **self._body(request["body"]),
        )
        for event in item.get("event", []):
            assert event["listen"] == "test"
            for line in event["script"]["exec"]:
                self._run(line, response)
        return response

    def render(self, text: str) -> str:
        """The text with its variables; an unknown or empty one raises."""
        return _VARIABLE.sub(lambda match: self._value(match[1]), text)

    def close(self) -> None:
        self._http.close()

    def _value(self, name: str) -> str:
        assert self.variables.get(name), f"the variable {name} is not set"
        return self.variables[name]

    def _authorization(self, auth: dict[str, Any]) -> dict[str, str]:
        if auth["type"] == "noauth":
            return {}
        (token,) = auth["bearer"]
        return {"Authorization": f"Bearer {self.render(token['value'])}"}

    def _body(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["mode"] == "raw":
            return {"content": self.render(body["raw"])}
        return {"data": {each["key"]: self.render(each["value"]) for each in body["urlencoded"]}}

    def _run(self, line: str, response: httpx.Response) -> None:
        if match := _SET.fullmatch(line):
            self.variables[match[1]] = response.json()[match[2]]
        elif match := _UNSET.fullmatch(line):
            self.variables.pop(match[1])
        else:
            raise AssertionError(f"not known here: {line}")


@pytest.fixture
def assertion(redox: RedoxSandbox, tmp_path: Path) -> str:
    """What docs/postman.md tells to paste: the output of assertion.sh."""
    file = tmp_path / "private-key.pem"
    file.write_text(rsa_pem())
    env = environment(
        redox.ca_file,
        CLIENT_ID=CLIENT_ID,
        KEY_ID=KEY_ID,
        PRIVATE_KEY_FILE=str(file),
        TOKEN_URL=redox.token_url,
    )
    done = run(["sh", EXAMPLES / "auth-request/assertion.sh"], env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_collection_brings_a_token_and_uses_it(redox: RedoxSandbox, assertion: str) -> None:
    variables = {value["key"]: value["value"] for value in ENVIRONMENT["values"]}
    own = {
        "token_url": redox.token_url,
        "fhir_url": redox.fhir_base_url,
        "data_model_url": redox.data_model_url,
        "client_assertion": assertion,
    }
    assert own.keys() <= variables.keys()
    postman = Postman(variables | own, redox.ca_file)

    authenticate, search, message = COLLECTION["item"]
    statuses = [postman.send(item).status_code for item in (authenticate, search, message)]
    found = postman.send(search).json()
    postman.close()

    assert statuses == [200, 200, 200]
    assert [entry["resource"]["id"] for entry in found["entry"]] == ["example-1"]
    # Spent, and Redox would refuse it a second time.
    assert "client_assertion" not in postman.variables


def test_collection_and_environment_are_what_postman_imports() -> None:
    schema = COLLECTION["info"]["schema"]
    used = set(_VARIABLE.findall(json.dumps(COLLECTION)))

    assert schema == "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    assert ENVIRONMENT["_postman_variable_scope"] == "environment"
    assert used == {value["key"] for value in ENVIRONMENT["values"]}


def test_the_environment_ships_no_secret() -> None:
    secrets = {v["key"]: v["value"] for v in ENVIRONMENT["values"] if v["type"] == "secret"}

    assert secrets == {"client_assertion": "", "access_token": ""}


WITHIN = {
    "a PEM": rsa_pem(),
    "a PEM with escaped line breaks": rsa_pem().replace("\n", "\\n"),
    "a JWK": json.dumps(jwk(kid="k", number=1)),
}


@pytest.mark.parametrize("content", WITHIN.values(), ids=WITHIN)
def test_client_id_kid_and_key_come_out_of_an_environment_whatever_its_variables_are_called(
    tmp_path: Path, content: str
) -> None:
    program("jq")
    reader = Reader(tmp_path)
    values = {"some_id": "client-1", "some_kid": "kid-1", "some_key": content, "empty": ""}
    exported = {"values": [{"key": name, "value": value} for name, value in values.items()]}
    (tmp_path / "environment.json").write_text(json.dumps(exported))
    (commands, _) = blocks(page("postman.md"), "sh")

    printed = reader.run(commands.text)

    assert printed.splitlines() == ["some_id = client-1", "some_kid = kid-1", "empty = "]
    parse((tmp_path / "private-key").read_bytes(), key_id="kid-1", algorithm=None)


def test_an_environment_without_its_key_leaves_an_empty_file(tmp_path: Path) -> None:
    program("jq")
    reader = Reader(tmp_path)
    exported = {"values": [{"key": "private_key", "value": ""}]}
    (tmp_path / "environment.json").write_text(json.dumps(exported))
    (commands, _) = blocks(page("postman.md"), "sh")

    reader.run(commands.text)

    assert (tmp_path / "private-key").read_text() == ""
