"""`python -m demo`, from the root of the checkout."""

from __future__ import annotations

import sys

try:
    from demo.command import main
except ModuleNotFoundError as missing:
    sys.exit(f"demo: missing: the Python package {missing.name}; `make demo` installs it")

if __name__ == "__main__":
    sys.exit(main())
