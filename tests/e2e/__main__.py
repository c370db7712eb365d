"""Build what the tests of this folder need, and run those of the node inside namespaces.

`python -m tests.e2e [pytest's arguments]`; needs Linux and root, and says in one line what is
missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.e2e.archives import ARCHIVES_VARIABLE, CONSUMER, OPERATOR
from tests.support import controlplane, image
from tests.support.controlplane import ControlPlaneMissing
from tests.support.programs import ProgramFailed, ProgramMissing, require
from tests.support.real_node import namespaces, program

PROGRAMS = ("buildah", "containerd", "ctr", "debootstrap", "ip", "mount", "runc", "unshare")
NO_TESTS_CHOSEN = 5
"""pytest's exit code; with -k it may be that of one of the two."""
HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """The exit code of pytest, or 1 when something is missing."""
    try:
        require(*PROGRAMS)
        namespaces.require_root()
        with tempfile.TemporaryDirectory(prefix="archives-") as directory:
            _say("the control plane and the kubelet")
            controlplane.build()
            program.build()
            _say("the images")
            (Path(directory) / OPERATOR.archive).symlink_to(image.built())
            image.build(
                Path(directory) / CONSUMER.archive,
                image.ROOT / "docs/examples",
                file="images/python.Dockerfile",
                name=CONSUMER.name,
            )
            os.environ[ARCHIVES_VARIABLE] = directory
            pytest = [sys.executable, "-m", "pytest", *arguments]
            # Another build needs the network; the node must not have it.
            image_code = subprocess.run([*pytest, str(HERE / "test_image.py")], check=False)
            node_code = namespaces.run_inside([*pytest, str(HERE / "test_deploy.py")])
            codes = {image_code.returncode, node_code} - {NO_TESTS_CHOSEN}
            return max(codes, default=NO_TESTS_CHOSEN)
    except (ControlPlaneMissing, ProgramFailed, ProgramMissing) as error:
        _say(str(error))
        return 1


def _say(text: str) -> None:
    print(f"e2e: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
