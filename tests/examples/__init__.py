"""Everything in docs/: each example is executed, each statement about the program compared."""
