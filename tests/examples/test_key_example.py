"""docs/examples/keys/jwk_set.py: what goes to Redox, and what goes into the key Secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from redox_operator.adapters.client_assertion.key_set import parse
from tests.examples.programs import EXAMPLES, environment, run
from tests.support.keys import ec_pem, jwk, public_jwk, rsa_pem, thumbprint

KEYS = [
    pytest.param(rsa_pem(), "RS384", id="an RSA key as PKCS#8"),
    pytest.param(rsa_pem(form="pkcs1"), "RS384", id="an RSA key as PKCS#1"),
    pytest.param(ec_pem("P-256"), "ES256", id="a key on P-256"),
    pytest.param(ec_pem("P-384", "sec1"), "ES384", id="a key on P-384 as SEC1"),
    pytest.param(ec_pem("P-521"), "ES512", id="a key on P-521"),
]


def jwk_set(directory: Path, *contents: str, public: bool = False) -> list[dict[str, Any]]:
    """The keys that the example prints."""
    files = [directory / f"key-{number}" for number, _ in enumerate(contents)]
    for file, content in zip(files, contents, strict=True):
        file.write_text(content)
    options = ["--public"] if public else []
    done = run(["python", EXAMPLES / "keys/jwk_set.py", *options, *files], environment(""))
    assert done.returncode == 0, done.stderr
    keys: list[dict[str, Any]] = json.loads(done.stdout)["keys"]
    return keys


@pytest.mark.parametrize(("pem", "algorithm"), KEYS)
def test_the_public_set_holds_no_private_number_and_the_kid_that_the_operator_uses(
    tmp_path: Path, pem: str, algorithm: str
) -> None:
    (key,) = jwk_set(tmp_path, pem, public=True)

    assert key == {**public_jwk(pem), "alg": algorithm, "use": "sig", "kid": thumbprint(pem)}


@pytest.mark.parametrize(("pem", "algorithm"), KEYS)
def test_the_private_set_signs_in_the_given_order(tmp_path: Path, pem: str, algorithm: str) -> None:
    old = jwk(kid="old", number=1)
    keys = jwk_set(tmp_path, pem, json.dumps(old))

    parsed = parse(json.dumps({"keys": keys}).encode(), key_id=None, algorithm=None)

    assert [(key.key_id, key.algorithm) for key in parsed.keys] == [
        (thumbprint(pem), algorithm),
        ("old", "RS384"),
    ]


def test_the_kid_and_alg_of_a_jwk_stay(tmp_path: Path) -> None:
    (key,) = jwk_set(tmp_path, json.dumps(jwk(kid="mine", alg="RS512")), public=True)

    assert (key["kid"], key["alg"]) == ("mine", "RS512")
    assert "d" not in key
