"""Record ids as Salesforce makes them.

An id is 15 characters: a key prefix for the object (3), the instance (3), and a number in base 62 (9). Case matters, so three
more characters say which of the 15 are capitals: the 18-character form, which survives systems that ignore case.
Law: ids are counted, never random, so the same book gives the same ids; they ascend; and each has a twin that differs from it
only by case, as real orgs have (salesforce.md 4, Formats).
"""

from __future__ import annotations

from functools import lru_cache

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_INSTANCE = "Rs0"


def checksum(short: str) -> str:
    """Return the three characters that an id of 15 gets to become one of 18."""
    return "".join(_SUFFIX[_capitals(short[start : start + 5])] for start in (0, 5, 10))


def long_id(given: str) -> str | None:
    """Return the 18-character form of an id of 15 or 18 characters, None when it is no id."""
    if len(given) not in (15, 18) or not (given.isascii() and given.isalnum()):
        return None
    full = given[:15] + checksum(given[:15])
    return full if given in (full, given[:15]) else None


def nth_id(prefix: str, number: int) -> str:
    """Return the 18-character id of the n-th record (from 0) of an object."""
    block, place = divmod(number + 2, _BLOCK)
    start, suffix, capitals = _start(prefix, block)
    end, more = _ends()[place]
    return f"{start}{end}{suffix}{_SUFFIX[capitals | more]}"


_BLOCK = 2 * 62 * 62
"""How many ids share their first 12 characters: two digits and the case of the last letter vary."""


@lru_cache(maxsize=64)
def _start(prefix: str, block: int) -> tuple[str, str, int]:
    """Return the first 12 characters, the first two of the suffix, and the capitals that count for the third."""
    digits = ""
    for _ in range(6):
        block, digit = divmod(block, 62)
        digits = DIGITS[digit] + digits
    start = prefix + _INSTANCE + digits
    return start, checksum(start + "000")[:2], _capitals(start[10:])


@lru_cache(maxsize=1)
def _ends() -> list[tuple[str, int]]:
    """Return the last three characters of the ids of a block, and their capitals."""
    ends = [a + b + letter for a in DIGITS for b in DIGITS for letter in "Aa"]
    return [(end, _capitals("00" + end)) for end in ends]


def _capitals(letters: str) -> int:
    return sum(1 << place for place, letter in enumerate(letters) if "A" <= letter <= "Z")
