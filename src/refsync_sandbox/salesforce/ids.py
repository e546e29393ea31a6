"""Record ids as Salesforce makes them.

An id is 15 characters: a key prefix for the object (3), the instance (3), and a number in base 62 (9). Case matters, so three
more characters say which of the 15 are capitals: the 18-character form, which survives systems that ignore case.
Law: ids are counted, never random, so the same book gives the same ids; they ascend; and each has a twin that differs from it
only by case, as real orgs have (salesforce.md 4, Formats).
"""

from __future__ import annotations

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_INSTANCE = "Rs0"
_CAPITAL_A, _SMALL_A = DIGITS.index("A"), DIGITS.index("a")


def checksum(short: str) -> str:
    """Return the three characters that an id of 15 gets to become one of 18."""
    return "".join(
        _SUFFIX[sum(1 << place for place, letter in enumerate(short[start : start + 5]) if "A" <= letter <= "Z")]
        for start in (0, 5, 10)
    )


def long_id(given: str) -> str | None:
    """Return the 18-character form of an id of 15 or 18 characters, None when it is no id."""
    if len(given) not in (15, 18) or not (given.isascii() and given.isalnum()):
        return None
    full = given[:15] + checksum(given[:15])
    return full if given in (full, given[:15]) else None


def nth_id(prefix: str, number: int) -> str:
    """Return the 18-character id of the n-th record (from 0) of an object."""
    pair, second = divmod(number, 2)
    value = (pair + 1) * 62 + (_SMALL_A if second else _CAPITAL_A)
    body = ""
    for _ in range(9):
        value, digit = divmod(value, 62)
        body = DIGITS[digit] + body
    short = prefix + _INSTANCE + body
    return short + checksum(short)
