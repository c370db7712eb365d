"""The factors of an RSA modulus from its private exponent, for a JWK that leaves them out."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

_CONVERGENTS = 64
"""The right one comes within the first few; common tools make keys with `g` below 100."""


def factors(n: int, e: int, d: int) -> tuple[int, int]:
    """`p` > `q` with `p*q == n`, where `e*d` is 1 modulo `lcm(p-1, q-1)`. Raises `ValueError`.

    There is a fraction k/g with e*d-1 = k/g * (p-1)*(q-1), and it is so close to (e*d-1)/n that it
    is one of its continued fraction's convergents (M. Wiener, 1990). So, unlike the usual search by
    chance (NIST SP 800-56B, appendix C), it takes 0.1 ms, and as long for numbers that are wrong.
    """
    product = e * d - 1
    if product <= 0 or n <= 0:
        raise ValueError
    for k, g in _convergents(product, n):
        totient, rest = divmod(product * g, k) if k else (0, 1)
        # p + q, and the square of p - q.
        both = n + 1 - totient
        square = both * both - 4 * n
        if rest or square < 0:
            continue
        apart = isqrt(square)
        p, q = (both + apart) // 2, (both - apart) // 2
        if p * q == n and q > 1:
            return p, q
    raise ValueError


def _convergents(numerator: int, denominator: int) -> Iterator[tuple[int, int]]:
    """The fractions that come nearest to a number, in lowest terms, each nearer than the last."""
    before, last = (0, 1), (1, 0)
    for _ in range(_CONVERGENTS):
        if not denominator:
            return
        whole, rest = divmod(numerator, denominator)
        before, last = last, (whole * last[0] + before[0], whole * last[1] + before[1])
        yield last
        numerator, denominator = denominator, rest
