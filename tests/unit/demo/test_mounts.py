"""The stand-in of the kubelet: what a reader finds, and when."""

from __future__ import annotations

from pathlib import Path

from demo.consumer import read_token
from demo.mounts import Kubelet, Mount

TOKEN = {
    "access_token": b"first",
    "authorization": b"Bearer first",
    "expires_at": b"2027-01-15T08:00:00Z",
}
RENEWED = TOKEN | {"access_token": b"second", "authorization": b"Bearer second"}


def test_a_key_is_read_through_two_symbolic_links(tmp_path: Path) -> None:
    Mount(tmp_path / "mount").publish(TOKEN, now=0)

    shown = tmp_path / "mount/access_token"
    assert shown.readlink() == Path("..data/access_token")
    assert shown.read_bytes() == b"first"


def test_a_change_replaces_all_keys_at_once_and_leaves_one_version(tmp_path: Path) -> None:
    mount = Mount(tmp_path / "mount")
    mount.publish(TOKEN | {"dropped": b"x"}, now=0)
    before = (tmp_path / "mount/..data").resolve()

    mount.publish(RENEWED | {"added": b"y"}, now=0)

    assert not before.exists()
    assert sorted(path.name for path in (tmp_path / "mount").iterdir())[1:] == [
        *("..data", "access_token", "added", "authorization", "expires_at"),
    ]
    assert (tmp_path / "mount/access_token").read_bytes() == b"second"


def test_a_change_appears_after_the_delay_and_not_before(tmp_path: Path) -> None:
    kubelet = Kubelet(tmp_path, delay=2)
    kubelet.see("ehr-token", TOKEN, now=100)

    kubelet.sync(now=101.9)
    assert read_token(kubelet.directory("ehr-token")) is None

    kubelet.sync(now=102)
    token = read_token(kubelet.directory("ehr-token"))
    assert token is not None
    assert token.access_token == "first"


def test_a_change_on_its_way_takes_a_later_one_along(tmp_path: Path) -> None:
    kubelet = Kubelet(tmp_path, delay=2)
    kubelet.see("ehr-token", TOKEN, now=100)
    kubelet.see("ehr-token", RENEWED, now=101)

    kubelet.sync(now=102)

    token = read_token(kubelet.directory("ehr-token"))
    assert token is not None
    assert token.authorization == "Bearer second"


def test_what_did_not_change_is_not_written_again(tmp_path: Path) -> None:
    kubelet = Kubelet(tmp_path, delay=0)
    kubelet.see("ehr-token", TOKEN, now=100)
    kubelet.sync(now=100)
    version = (kubelet.directory("ehr-token") / "..data").readlink()

    kubelet.see("ehr-token", dict(TOKEN), now=200)
    kubelet.sync(now=200)

    assert (kubelet.directory("ehr-token") / "..data").readlink() == version
