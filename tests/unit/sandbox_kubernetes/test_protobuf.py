"""Bodies in protobuf: what kubectl sends is understood, what is damaged is refused."""

from __future__ import annotations

import pytest

from redox_sandbox.kubernetes.errors import StatusError
from redox_sandbox.kubernetes.serving.protobuf import decode


def field(number: int, value: bytes | int) -> bytes:
    """One field of a message; short values only."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def body(kind: str, *fields: bytes) -> bytes:
    kinds = field(1, b"v1") + field(2, kind.encode())
    return b"k8s\x00" + field(1, kinds) + field(2, b"".join(fields)) + field(3, b"") + field(4, b"")


METADATA = field(
    1, field(1, b"s") + field(2, b"") + field(11, field(1, b"a") + field(2, b"b")) + field(8, b"")
)


def test_a_secret_is_decoded() -> None:
    data = field(2, field(1, b"key") + field(2, b"value"))

    decoded = decode(body("Secret", METADATA, data, field(3, b"Opaque"), field(5, 1)))

    assert decoded == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "labels": {"a": "b"}},
        "data": {"key": "dmFsdWU="},
        "type": "Opaque",
        "immutable": True,
    }


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"{}", id="another beginning"),
        pytest.param(b"k8s\x00", id="nothing after the beginning"),
        pytest.param(body("Secret", METADATA)[:-20], id="cut off"),
        pytest.param(b"k8s\x00\x0f\x01", id="an unknown wire type"),
        pytest.param(b"k8s\x00\xff", id="half a number"),
    ],
)
def test_a_damaged_body_is_400(content: bytes) -> None:
    with pytest.raises(StatusError) as caught:
        decode(content)

    assert caught.value.code == 400


def test_a_kind_that_is_not_known_is_415() -> None:
    with pytest.raises(StatusError) as caught:
        decode(body("Pod", METADATA))

    assert caught.value.code == 415
