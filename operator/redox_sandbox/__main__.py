"""`redox-sandbox redox` and `redox-sandbox kubernetes`: two halves, loaded when asked for."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

_HALVES = {
    "redox": "Redox: token endpoint, FHIR, Data Model, and faults on request",
    "kubernetes": "a Kubernetes API in memory",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one half until it is stopped; its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="redox-sandbox", description="Plays Redox, or a Kubernetes API, for tests and demos."
    )
    halves = parser.add_subparsers(dest="half", required=True, metavar="|".join(_HALVES))
    parsers = {
        name: halves.add_parser(name, help=text, description=f"Plays {text}.")
        for name, text in _HALVES.items()
    }
    if not words or words[0] not in _HALVES:
        parser.parse_args(words)
        return 0
    command = importlib.import_module(f"redox_sandbox.{words[0]}.command")
    command.add_arguments(parsers[words[0]])
    code: int = command.run(parser.parse_args(words))
    return code


if __name__ == "__main__":
    sys.exit(main())
