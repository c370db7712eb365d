"""`python -m tests.fuzz <target> [--structured] [libFuzzer's options]`: search for what breaks.

Starts from the inputs in `corpus/` and changes their bytes; `--structured` has Hypothesis make
inputs of the bytes, which gets deeper where most changes of bytes are no JSON any more. What it
finds is written to `fuzz-findings/<target>/`: mend the parser, and keep the input in
`corpus/<target>/` under a name that says what it is.

    python -m tests.fuzz key-secret -max_total_time=600
"""

from __future__ import annotations

import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
FINDINGS = Path("fuzz-findings")
LIMITS = ("-timeout=10", "-rss_limit_mb=1024", "-max_len=16500")
STRUCTURED = "--structured"


def main(arguments: list[str]) -> None:
    """Search until it is stopped, or something is found."""
    import atheris

    with atheris.instrument_imports(include=["redox_operator", "email", "json", "yaml"]):
        targets = importlib.import_module("tests.fuzz.targets").TARGETS
    if not arguments or arguments[0] not in targets:
        raise SystemExit(f"usage: python -m tests.fuzz <{' | '.join(targets)}> [options]")
    name, *options = (each for each in arguments if each != STRUCTURED)
    findings = FINDINGS / name
    findings.mkdir(parents=True, exist_ok=True)
    # New inputs of interest go to the first directory; the corpus of the repository stays small.
    with tempfile.TemporaryDirectory() as found:
        target = targets[name]
        if STRUCTURED in arguments:
            target = _structured(name, target)
        else:
            _seed(name, Path(found))
        command = [sys.argv[0], found, *LIMITS, f"-artifact_prefix={findings}/", *options]
        atheris.Setup(command, target)
        atheris.Fuzz()


def _seed(name: str, found: Path) -> None:
    from tests.fuzz.seeds import key_secrets

    shutil.copytree(CORPUS / name, found, dirs_exist_ok=True)
    if name == "key-secret":
        for seed, value in key_secrets().items():
            (found / seed).write_bytes(value)


def _structured(name: str, target: Callable[[bytes], None]) -> Callable[[bytes], object]:
    """The target behind Hypothesis: what fails is printed as the input that it made."""
    from hypothesis import HealthCheck, given, settings

    from tests.fuzz.strategies import INPUTS

    @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(INPUTS[name])
    def holds(data: bytes) -> None:
        try:
            target(data)
        except BaseException:
            print(f"found: {data!r}", file=sys.stderr)
            raise

    fuzz: Callable[[bytes], object] = holds.hypothesis.fuzz_one_input
    return fuzz


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ModuleNotFoundError as missing:
        if missing.name != "atheris":
            raise
        raise SystemExit("missing: atheris (pip install atheris, Python 3.11 to 3.13)") from None
