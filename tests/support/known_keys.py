"""RSA keys of 4096 bits, made once per machine: each costs a second, and tests need many."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.controlplane_build import cache_directory
from tests.support.keys import rsa_pem

BITS = 4096


def rsa_4096(count: int) -> list[str]:
    """So many different keys as PEM, from the cache outside of the checkout as far as it goes.

    They protect nothing: the sandbox alone knows their public halves.
    """
    directory = cache_directory() / "test-keys"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Python's lock is released while a key is made.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda number: _key(directory, number), range(count)))


def _key(directory: Path, number: int) -> str:
    path = directory / f"rsa-{BITS}-{number}.pem"
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}.draft")
        draft.touch(mode=0o600)
        draft.write_text(rsa_pem(BITS, number=number))
        draft.replace(path)
    return path.read_text()
