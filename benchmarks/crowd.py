"""An operator beside 20,000 Secrets that are none of its business.

    python -m benchmarks.crowd [--secrets 20000]      4 minutes

Memory and start must be as without them; none may be read or changed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from redox_operator.domain.refresh import Margins
from tests.support.crowd_run import Audit, digests, gather, live, unasked
from tests.support.proof import Proof, own_api_server


def main() -> int:
    """Run it and print the table; 0 where all is as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--secrets", type=int, default=20_000)
    count, console = parser.parse_args().secrets, Console(stderr=True)
    with tempfile.TemporaryDirectory() as directory:
        audit = Audit(Path(directory))
        with (
            own_api_server(apiserver_args=audit.apiserver_args) as kubeconfigs,
            Proof(kubeconfigs, "few", 50, 300, Margins()) as proof,
        ):
            with proof.operator(launch=False) as operator:
                before = live(proof, operator)
            console.print(f"creating {count} Secrets …")
            gather(proof.admin, count)
            crowd = digests(proof.admin)
            operator = proof.operator(launch=False)
            after = live(proof, operator)
            console.print("watching a round of refreshes …")
            proof.wait_for_a_round(200)
            end = operator.rss_mib()
            changed = sum(digests(proof.admin).get(name) != d for name, d in crowd.items())
            beyond = unasked(audit, proof)
    table = Table("what", "alone", f"beside {count} Secrets")
    table.add_row("ready after", f"{before.ready_seconds:.1f} s", f"{after.ready_seconds:.1f} s")
    table.add_row("RSS", f"{before.rss_mib:.1f} MiB", f"{after.rss_mib:.1f} MiB")
    table.add_row("RSS after a round", "", f"{end:.1f} MiB")
    table.add_row("requests for others' Secrets", "", str(len(beyond)))
    table.add_row("Secrets that changed", "", str(changed))
    Console().print(table)
    grown = after.rss_mib > before.rss_mib + 8
    return int(grown or bool(beyond) or bool(changed))


if __name__ == "__main__":
    sys.exit(main())
