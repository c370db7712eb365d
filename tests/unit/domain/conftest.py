"""How Hypothesis runs here."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no fault of the code: examples have no deadline.
settings.register_profile("no_deadline", parent=settings.default, deadline=None)
settings.load_profile("no_deadline")
