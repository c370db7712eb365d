"""Calls FHIR with the mounted token, which is read anew for every request.

Needs Python 3.9 or newer and nothing else. Take `read_keys` and `get` into your application, or
run this file, which calls every few seconds:

REDOX_DIRECTORY   where the Secret is mounted: /redox
INTERVAL          seconds between two calls: 10
"""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

DIRECTORY = Path(os.environ.get("REDOX_DIRECTORY", "/redox"))


def read_keys(*names: str) -> list[str]:
    """Keys of the Secret, all of one version.

    The link ..data leads to a directory of one version and is swapped as a whole; it is followed
    once. A version that is removed while it is read gives way to the next.
    """
    for pause in (0.0, 0.01, 0.1, 1.0):
        time.sleep(pause)
        version = (DIRECTORY / "..data").resolve()
        try:
            return [(version / name).read_text() for name in names]
        except FileNotFoundError as error:
            missing = error
    raise missing


def get(path: str) -> dict:
    """GET below the FHIR base URL. A 401 is tried once more if the token has changed meanwhile."""
    keys = read_keys("authorization", "fhir.url")
    try:
        return _get(path, *keys)
    except urllib.error.HTTPError as error:
        newer = read_keys("authorization", "fhir.url")
        if error.code != 401 or newer == keys:
            raise
    return _get(path, *newer)


def _get(path: str, authorization: str, base_url: str) -> dict:
    request = urllib.request.Request(f"{base_url}/{path}", headers={"Authorization": authorization})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def main() -> None:
    """Call until SIGTERM, which a process with the ID 1 would ignore without a handler."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        try:
            patients = get("Patient?_count=1")["total"]
            print(f"HTTP 200, {patients} patients, ", end="")
        except urllib.error.HTTPError as error:
            print(f"HTTP {error.code}, ", end="")
        except urllib.error.URLError as error:
            print(f"no answer ({error.reason}), ", end="")
        print(f"token valid until {read_keys('expires_at')[0]}", flush=True)
        time.sleep(float(os.environ.get("INTERVAL", "10")))


if __name__ == "__main__":
    main()
