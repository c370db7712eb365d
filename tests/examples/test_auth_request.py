"""The auth request in curl, JavaScript and Python, and the calls that use its token."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.examples.access_tokens import CLIENT_ID, KEY_ID, USER_LEVEL_CLIENT_ID
from tests.examples.programs import EXAMPLES, environment, program, run
from tests.support.keys import ec_pem, jwk, rsa_pem, thumbprint
from tests.support.redox_sandbox import RedoxSandbox

AUTH_REQUEST = EXAMPLES / "auth-request"
CALLS = EXAMPLES / "calls"
UNREACHABLE = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH")

RSA_KEYS = {
    "a PKCS#8 PEM": rsa_pem(),
    "a PKCS#1 PEM": rsa_pem(form="pkcs1"),
}
OTHER_KEYS = {
    "a JWK with its own kid": (json.dumps(jwk(kid=KEY_ID)), None, "RS384"),
    "an EC PEM": (ec_pem("P-384"), thumbprint(ec_pem("P-384")), "ES384"),
    "a SEC1 PEM": (ec_pem("P-256", "sec1"), thumbprint(ec_pem("P-256")), "ES256"),
    "an EC JWK": (json.dumps(jwk("P-521")), thumbprint(jwk("P-521")), "ES512"),
}
CASES = [
    pytest.param(language, content, KEY_ID, None, id=f"{language} with {name}")
    for language in ("curl", "javascript", "python")
    for name, content in RSA_KEYS.items()
] + [
    pytest.param(language, *case, id=f"{language} with {name}")
    for language in ("javascript", "python")
    for name, case in OTHER_KEYS.items()
]


@pytest.fixture(scope="session")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its packages as the lock file has them, installed."""
    program("node")
    program("npm")
    copy = tmp_path_factory.mktemp("auth-request") / "javascript"
    shutil.copytree(
        AUTH_REQUEST / "javascript", copy, ignore=shutil.ignore_patterns("node_modules")
    )
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    done = run(["npm", "ci", *options], os.environ, directory=copy, seconds=180)
    output = done.stdout + done.stderr
    if done.returncode and UNREACHABLE.search(output) and os.environ.get("CI") != "true":
        pytest.skip("the packages of this example could not be fetched: it was not executed")
    assert done.returncode == 0, output
    return copy / "auth-request.mjs"


@pytest.fixture
def command(request: pytest.FixtureRequest, language: str) -> list[str | Path]:
    """How a person calls the example."""
    if language == "curl":
        program("openssl")
        program("curl")
        return ["sh", AUTH_REQUEST / "curl.sh"]
    if language == "python":
        return ["python", AUTH_REQUEST / "auth_request.py"]
    return ["node", request.getfixturevalue("javascript")]


def settings(
    redox: RedoxSandbox, directory: Path, content: str, key_id: str | None, **more: str
) -> dict[str, str]:
    """The variables that all three take, with the key in a file."""
    file = directory / "private-key"
    file.write_text(content)
    named = {} if key_id is None else {"KEY_ID": key_id}
    return environment(
        redox.ca_file,
        CLIENT_ID=CLIENT_ID,
        PRIVATE_KEY_FILE=str(file),
        TOKEN_URL=redox.token_url,
        **named,
        **more,
    )


@pytest.mark.parametrize(("language", "content", "key_id", "algorithm"), CASES)
def test_the_request_brings_a_token_for_fhir_and_the_data_model(
    redox: RedoxSandbox,
    tmp_path: Path,
    command: list[str | Path],
    content: str,
    key_id: str | None,
    algorithm: str | None,
) -> None:
    chosen = {} if algorithm is None else {"ALGORITHM": algorithm}
    done = run(command, settings(redox, tmp_path, content, key_id, **chosen))

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 300)
    patients = search(redox, tmp_path, answer["access_token"], "family=Example", "given=Ada")
    assert [entry["resource"]["id"] for entry in patients["entry"]] == ["example-1"]
    found = send_message(redox, tmp_path, answer["access_token"])
    assert found["Patient"]["Identifiers"] == [{"ID": "MRN-000001", "IDType": "MR"}]


@pytest.mark.parametrize("language", ["curl", "javascript", "python"])
def test_a_refusal_is_shown_and_fails(
    redox: RedoxSandbox, tmp_path: Path, command: list[str | Path], language: str
) -> None:
    done = run(command, settings(redox, tmp_path, rsa_pem(), "unknown"))

    assert done.returncode != 0
    assert "Public key not found" in done.stdout + done.stderr
    # Neither does the assertion stand in what was printed.
    assert "eyJ" not in done.stdout + done.stderr


def test_a_key_that_cannot_sign_sends_nothing(redox: RedoxSandbox, tmp_path: Path) -> None:
    done = run(["sh", AUTH_REQUEST / "curl.sh"], settings(redox, tmp_path, "no key", "k"))

    assert done.returncode != 0
    assert redox.requests() == []


def test_the_lock_file_has_a_hash_and_no_address_for_each_package() -> None:
    lock = json.loads((AUTH_REQUEST / "javascript/package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}

    assert packages
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []


def test_a_patient_is_read_by_id(redox: RedoxSandbox, tmp_path: Path) -> None:
    done = run(["sh", AUTH_REQUEST / "curl.sh"], settings(redox, tmp_path, rsa_pem(), KEY_ID))
    token = json.loads(done.stdout)["access_token"]

    patient = call(redox, tmp_path, token, "fhir-read.sh", "Patient/example-2")

    assert patient["birthDate"] == "1971-02-02"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("fhir-read.sh", "Patient/example-1"), id="reading"),
        pytest.param(("fhir-search.sh", "family=Example"), id="searching"),
        pytest.param(("data-model.sh", str(CALLS / "patient-search.json")), id="the Data Model"),
    ],
)
def test_a_call_with_a_token_that_is_not_valid_fails(
    redox: RedoxSandbox, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(AssertionError, match="401"):
        call(redox, tmp_path, "not-a-token", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("fhir-read.sh", "Patient/example-1"), id="FHIR"),
        pytest.param(("data-model.sh", str(CALLS / "patient-search.json")), id="the Data Model"),
    ],
)
def test_a_user_level_key_gets_a_token_that_is_of_no_use(
    redox: RedoxSandbox, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    env = settings(redox, tmp_path, rsa_pem(), KEY_ID) | {"CLIENT_ID": USER_LEVEL_CLIENT_ID}
    done = run(["sh", AUTH_REQUEST / "curl.sh"], env)

    assert done.returncode == 0
    with pytest.raises(AssertionError, match="403"):
        call(redox, tmp_path, json.loads(done.stdout)["access_token"], *arguments)


def search(redox: RedoxSandbox, directory: Path, token: str, *parameters: str) -> Any:
    return call(redox, directory, token, "fhir-search.sh", *parameters)


def send_message(redox: RedoxSandbox, directory: Path, token: str) -> Any:
    return call(redox, directory, token, "data-model.sh", str(CALLS / "patient-search.json"))


def call(redox: RedoxSandbox, directory: Path, token: str, script: str, *arguments: str) -> Any:
    """What one of the scripts of docs/examples/calls prints."""
    program("curl")
    header = directory / "curl.header"
    header.write_text(f"Authorization: Bearer {token}")
    env = environment(
        redox.ca_file,
        HEADER_FILE=str(header),
        FHIR_URL=redox.fhir_base_url,
        DATA_MODEL_URL=redox.data_model_url,
        SOURCE_ID="7ce6f387-c33c-417d-8682-81e83628cbd9",
    )
    done = run(["sh", CALLS / script, *arguments], env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
