"""What people write instead of a phrase, and the phrase that means the same: a table made by hand.

The law: a line stands here only if its meaning is the same beyond doubt. Spelling distance would turn "within 120 days" into
"more than 120 days ago", its opposite.
"""

from __future__ import annotations

import re
from typing import TypeAlias

UNIT = r"(?:hour|day|business day|week|month|year)s?"
NUMBER = r"-?\d+(?:\.\d+)?"


def mended_time(text: str) -> str:
    """Return the time phrase that a text means, as far as it is known."""
    plain = _plain(text)
    for pattern, meaning in _WORDS:
        plain = re.sub(pattern, meaning, plain)
    return _meaning(plain, _TIMES)


def mended_number(text: str) -> str:
    """Return the number phrase that a text means, as far as it is known."""
    return _meaning(_plain(text), _NUMBERS)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.strip().lower())


def _meaning(plain: str, synonyms: Synonyms) -> str:
    for pattern, meaning in synonyms:
        if found := re.fullmatch(pattern, plain):
            return found.expand(meaning)
    return plain


Synonyms: TypeAlias = tuple[tuple[str, str], ...]

# Words first, then whole phrases.
_WORDS: Synonyms = (
    (r"\b(?:working|work|week|bus\.?)[ -]?days?\b|\bweekdays?\b", "business days"),
    (r"\bhrs?\b", "hours"),
    (r"\bwks?\b", "weeks"),
    (r"\bmos?\b|\bmths?\b", "months"),
    (r"\byrs?\b", "years"),
    (r"(\d)\s*d\b", r"\1 days"),
    (r"(\d)(hours?|days?|weeks?|months?|years?|business)", r"\1 \2"),
    (r"\ba(?:n)? (hour|day|week|month|year)\b", r"1 \1"),
)
_N = r"(\d{1,5} (?:hour|day|business day|week|month|year)s?|\{[a-z][a-z0-9_]*\})"
_LAST = r"(?:(?:the )?(?:last|past|previous) )?"
_TIMES: Synonyms = (
    (rf"(?:not|nothing|none|no touch|no contact) (?:within|in|during|since) {_LAST}{_N}", r"not in the last \1"),
    (rf"(?:within|during|inside) {_LAST}{_N}|over the (?:last|past|previous) {_N}", r"in the last \1\2"),
    (rf"(?:in|at) (?:the )?(?:last|past|previous) {_N}", r"in the last \1"),
    (rf"(?:the )?(?:last|past|previous) {_N}", r"in the last \1"),
    (rf"(?:less than|fewer than|at most|up to|no more than|under|newer than) {_N}(?: ago| old)?", r"in the last \1"),
    (rf"(?:more than|over|longer than|before) {_N} ago|(?:older|earlier) than {_N}(?: ago)?", r"more than \1\2 ago"),
    (rf"more than {_N}", r"more than \1 ago"),
    (rf"{_N} ago or (?:more|longer|earlier)", r"more than \1 ago"),
    (rf"(?:between|from)? ?(\d{{1,5}}) ?(?:and|to|-|–) ?(\d{{1,5}}) ({UNIT})(?: ago)?", r"between \1 and \2 \3 ago"),
    (rf"(?:between|from) (\d{{1,5}}) ({UNIT}) (?:and|to) (\d{{1,5}}) \2(?: ago)?", r"between \1 and \3 \2 ago"),
    (rf"(?:within|in|during) the (?:next|coming|following) {_N}", r"in the next \1"),
    (rf"(?:in )?(?:next|coming|following) {_N}", r"in the next \1"),
    (rf"in {_N}", r"in the next \1"),
    (r"none|no|not ever|nothing|not once|empty|null", "never"),
    (r"any|always|sometime|once|at any time|any time|anytime|at least once|known", "ever"),
)
_NUMBERS: Synonyms = (
    (rf">= ?({NUMBER})|(?:min|minimum|not less than|no less than|no fewer than) ({NUMBER})", r"at least \1\2"),
    (rf"<= ?({NUMBER})|(?:max|maximum|not more than|no more than|up to) ({NUMBER})", r"at most \1\2"),
    (rf"> ?({NUMBER})|(?:over|above|greater than) ({NUMBER})", r"more than \1\2"),
    (rf"< ?({NUMBER})|(?:under|below|fewer than) ({NUMBER})", r"less than \1\2"),
    (rf"({NUMBER}) ?(?:\+|or more)", r"at least \1"),
    (rf"({NUMBER}) or (?:less|fewer)", r"at most \1"),
    (rf"(?:from )?({NUMBER}) ?(?:to|-|–|\.\.) ?({NUMBER})", r"between \1 and \2"),
    (rf"=+ ?({NUMBER})|exactly ({NUMBER})", r"\1\2"),
    (r"none|no|never|zero", "0"),
    (r"any|some|ever|one or more", "at least 1"),
)
