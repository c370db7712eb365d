"""What the operator knows and how it decides: values and pure functions.

Standard library only. Nothing here awaits, draws or reads a clock: `now` is an argument, in
seconds since the epoch by the corrected clock.
"""
