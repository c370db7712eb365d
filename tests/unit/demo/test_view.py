"""The view: what it shows, in which space, and as a picture."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from demo.directory import ROOT
from demo.state import Snapshot, Status
from demo.svg import export
from demo.view import render
from tests.unit.demo.snapshots import readings, row, snapshot

FOUR = snapshot(row(), row("ec-pem"), row("jwk"), row("jwk-set", key_format="JWK Set"))


def lines(shown: Snapshot, width: int = 80) -> list[str]:
    text = io.StringIO()
    Console(width=width, file=text).print(render(shown))
    return [line.rstrip() for line in text.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_it_fits_a_terminal_of_24_lines_and_cuts_nothing_off(width: int) -> None:
    shown = lines(FOUR, width)

    assert len(shown) <= 24
    assert not [line for line in shown if "…" in line]


def test_it_says_how_to_look_with_kubectl() -> None:
    shown = "\n".join(lines(FOUR))

    assert "export KUBECONFIG=/srv/checkout/.demo/kubeconfig" in shown
    assert "kubectl get rxc -n demo" in shown


def test_a_row_tells_readiness_times_and_calls() -> None:
    cells = next(line for line in lines(FOUR) if line.startswith("jwk-set")).split()

    assert [cell for cell in cells if "━" not in cell and "╸" not in cell] == [
        *("jwk-set", "JWK", "Set", "True", "43", "s", "8", "s", "2", "12/0", "27", "s"),
    ]


def test_a_credential_that_is_not_well_tells_why() -> None:
    broken = row(status=Status("False", "KeyInvalid", "Write a PEM."))

    assert "rsa-pem: KeyInvalid: Write a PEM." in lines(snapshot(broken))


def test_a_failed_call_and_a_silent_server_are_shown() -> None:
    failed = row(readings=readings(calls_failed=1, last_failure="FHIR answered 401"))
    shown = lines(snapshot(failed, notices=("the API server does not answer",)))

    assert "rsa-pem: FHIR answered 401" in shown
    assert "the API server does not answer" in shown


def test_the_picture_fetches_nothing_and_names_no_path_of_this_machine(tmp_path: Path) -> None:
    here = snapshot(row(), hint=(f"export KUBECONFIG={ROOT}/.demo/kubeconfig",))
    export(here, tmp_path / "docs/demo.svg")
    picture = (tmp_path / "docs/demo.svg").read_text()

    ElementTree.fromstring(picture)
    assert "url(http" not in picture.replace('"', "")
    assert str(ROOT) not in picture
    assert "KUBECONFIG=.demo/kubeconfig" in picture.replace("&#160;", " ")
