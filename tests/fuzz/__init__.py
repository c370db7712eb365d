"""The parsers of what others write, under inputs that nobody wrote.

`targets` has one function for each parser: it takes bytes, and raises when a property does not
hold. In each test run Hypothesis calls it with structured inputs, and `test_corpus` with the inputs
that are kept in `corpus/`. `python -m tests.fuzz <target>` calls it for as long as one likes,
guided by coverage (needs atheris); what it finds is mended, and kept in `corpus/`.
"""
