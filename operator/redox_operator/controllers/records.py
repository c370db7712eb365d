"""What the operator remembers of each credential while it runs. All of it can be read anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from redox_operator.domain.access_token import AccessToken
from redox_operator.domain.credential import Credential, Key, parse_credential
from redox_operator.domain.errors import SpecInvalid
from redox_operator.domain.policies import Failure
from redox_operator.domain.private_key import KeySet
from redox_operator.domain.target import Target


@dataclass(slots=True)
class KeyReading:
    """What the last look at the private key told. Times are of the boot clock."""

    content_hash: str
    thumbprint: str
    """Of the first key."""
    at: float
    keys: KeySet | None = field(default=None, repr=False)
    """None: only looked at, not yet checked for signing."""


@dataclass(slots=True)
class KeyChoice:
    """Which key of a set signs, after the endpoint did not know the first."""

    content_hash: str
    index: int
    until: float
    """Boot clock: then the first is tried again."""
    tried: int = 1
    """Keys that the endpoint refused in this round."""


@dataclass(slots=True)
class Record:
    """One credential: the last object seen, its target, the token held, what failed."""

    key: Key
    uid: str
    generation: int
    resource_version: str
    credential: Credential | SpecInvalid
    status: Mapping[str, Any] | None
    """As it stands in the API; kept for `lastTransitionTime`, never to decide."""
    first_seen: float
    """Boot clock."""
    free_since: float = float("-inf")
    """Boot clock since when nothing that an author wrote keeps it from being served."""

    target: Target | None = None
    target_known: bool = False
    """Whether `target` is as the API has it; otherwise it is read before deciding."""
    target_read_at: float = float("-inf")
    target_version: str | None = None
    """The newest resourceVersion of the target that a watch or list has told of."""
    target_deletions: int = 0
    """Deletions that a watch has told of; one that comes during a request outdates its answer."""

    token: AccessToken | None = None
    token_input_hash: str | None = None
    token_boot: float = 0.0
    """Boot clock when the token was sent for, or a later moment at which its age was known."""
    token_age: float = 0.0
    """Its age then: whatever the wall clock says, it is at least this old now."""
    token_age_is_sure: bool = True
    """Whether that age was known, and not read from the Secret by a clock of unknown error."""
    token_is_dated: bool = False
    """Whether the endpoint's `Date` confirmed the token's times."""
    planned_from: AccessToken | None = None
    input_issued_at: float | None = None
    """Boot clock, when a changed input last brought a token."""

    key_reading: KeyReading | None = None
    key_choice: KeyChoice | None = None
    key_id: str | None = None
    """The `kid` that signed last."""
    key_looked_at: float = float("-inf")
    key_pending: bool = False
    """Whether the key is being read or checked."""

    request_failure: Failure | None = None
    write_failure: Failure | None = None
    """`retry_at` of these is of the boot clock."""
    refusal: Failure | None = None
    """Why the credential cannot be served as it stands, and since when."""
    status_failures: int = 0
    status_written_at: float = float("-inf")
    inputs: object = None
    """What the request failure was about; another value makes the next attempt immediate."""
    gone: bool = False


def record_of(body: Mapping[str, Any], boot: float) -> Record:
    """A fresh record of an object as the API has it."""
    metadata = body["metadata"]
    return Record(
        key=Key(metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        resource_version=metadata["resourceVersion"],
        credential=_parsed(body),
        status=body.get("status"),
        first_seen=boot,
        free_since=boot,
    )


class Records:
    """All records, by key and by target."""

    def __init__(self) -> None:
        self._by_key: dict[Key, Record] = {}
        self._by_target: dict[tuple[str, str], dict[Key, None]] = {}

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._by_key.values()))

    def __len__(self) -> int:
        return len(self._by_key)

    def get(self, key: Key) -> Record | None:
        """The record of this credential, if it is known."""
        return self._by_key.get(key)

    def targeting(self, namespace: str, secret_name: str) -> list[Record]:
        """The credentials whose target has this name."""
        keys = self._by_target.get((namespace, secret_name), {})
        return [self._by_key[key] for key in keys]

    def observe(self, body: Mapping[str, Any], boot: float) -> tuple[Record, bool]:
        """Take an object in; whether anything that decides changed.

        Another UID under the same name is another credential: nothing is carried over.
        """
        fresh = record_of(body, boot)
        known = self._by_key.get(fresh.key)
        if known is not None and is_newer(known.resource_version, fresh.resource_version):
            return known, False
        if known is None or known.uid != fresh.uid:
            self.forget(fresh.key)
            self._by_key[fresh.key] = fresh
            self._index(fresh)
            return fresh, True
        known.status, known.resource_version = fresh.status, fresh.resource_version
        if fresh.credential == known.credential:
            return known, False
        if isinstance(known.credential, SpecInvalid) and isinstance(fresh.credential, SpecInvalid):
            changed = known.generation != fresh.generation
            known.generation = fresh.generation
            known.credential = fresh.credential
            return known, changed
        self._unindex(known)
        _forget_what_changed(known, fresh.credential)
        known.credential, known.generation = fresh.credential, fresh.generation
        known.free_since = boot
        self._index(known)
        return known, True

    def forget(self, key: Key) -> None:
        """The credential was deleted."""
        record = self._by_key.pop(key, None)
        if record is not None:
            record.gone = True
            self._unindex(record)

    def renew(self, *, targets: bool) -> None:
        """Keep only what watches and lists told; the rest is read anew before anything is decided.

        `targets`: whether they tell of targets, too.

        The records are new ones: what is still under way for the old ones changes nothing here.
        """
        for record in self:
            record.gone = True
            self._by_key[record.key] = Record(
                key=record.key,
                uid=record.uid,
                generation=record.generation,
                resource_version=record.resource_version,
                credential=record.credential,
                status=record.status,
                first_seen=record.first_seen,
                target=record.target if targets else None,
            )

    def _index(self, record: Record) -> None:
        if isinstance(record.credential, Credential):
            place = (record.key.namespace, record.credential.target.secret_name)
            self._by_target.setdefault(place, {})[record.key] = None

    def _unindex(self, record: Record) -> None:
        if isinstance(record.credential, Credential):
            place = (record.key.namespace, record.credential.target.secret_name)
            keys = self._by_target.get(place, {})
            keys.pop(record.key, None)
            if not keys:
                self._by_target.pop(place, None)


def is_newer(version: str | None, than: str | None) -> bool:
    """Whether a resourceVersion is later than another of the same kind of objects.

    They are decimal numbers that grow (KEP-5504); where a server has others, every other one is
    news.
    """
    if version is None or than is None:
        return version is not None
    try:
        return int(version) > int(than)
    except ValueError:
        return version != than


def key_source(credential: Credential | SpecInvalid) -> object:
    """Which key a spec names: what was read of another one says nothing about it."""
    if isinstance(credential, SpecInvalid):
        return None
    return credential.private_key, credential.key_id, credential.algorithm


def _forget_what_changed(record: Record, fresh: Credential | SpecInvalid) -> None:
    before = record.credential
    if key_source(before) != key_source(fresh):
        record.key_reading, record.key_choice = None, None
        record.key_looked_at = float("-inf")
    if isinstance(fresh, SpecInvalid):
        # Readers still have what they had.
        return
    if isinstance(before, SpecInvalid) or before.target.secret_name != fresh.target.secret_name:
        record.target, record.target_known, record.target_version = None, False, None


def _parsed(body: Mapping[str, Any]) -> Credential | SpecInvalid:
    try:
        return parse_credential(body)
    except SpecInvalid as error:
        return error
