"""What is known of private keys."""

from __future__ import annotations

from hashlib import sha256

from redox_operator.domain.private_key import KeySet, SigningKey, content_hash

MATERIAL = b"the numbers of the key"
FIRST = SigningKey("kid-1", "RS384", "thumbprint-1", MATERIAL)
SECOND = SigningKey("kid-2", "ES384", "thumbprint-2", MATERIAL)


def test_the_first_key_of_a_set_signs() -> None:
    keys = KeySet((FIRST, SECOND))
    assert keys.first is FIRST
    assert keys.summary.first == FIRST.summary


def test_a_summary_names_the_keys_in_the_authors_order_without_their_material() -> None:
    summary = KeySet((SECOND, FIRST)).summary
    assert [key.key_id for key in summary.keys] == ["kid-2", "kid-1"]
    assert (summary.first.algorithm, summary.first.thumbprint) == ("ES384", "thumbprint-2")
    assert not hasattr(summary.first, "material")


def test_key_material_is_never_shown() -> None:
    assert "numbers" not in repr(KeySet((FIRST,)))


def test_results_are_kept_by_the_hash_of_the_content() -> None:
    assert content_hash(b"pem") == sha256(b"pem").hexdigest()
