"""What one stream's list showed, for the stream that reads the links of the same records: so contacts and deals are listed once.

Law: only a list that was gone through from its beginning to its end, in this process and lately, is used in place of another, and
only once. What changed since it began comes with the window that follows, as behind any list.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from refsync.model import Instant
from refsync_hubspot.replies import Json

COMPANY = "associatedcompanyid"
MOST = 500_000
"""Records of which two numbers are kept: 8 MB."""
GOOD_FOR = 6 * 3_600_000
"""Milliseconds."""
PART = 1_000
"""Records that are given together: as many as one association read takes."""


@dataclass(slots=True)
class Listed:
    """The records of a list, as far as it has come."""

    start: Instant
    """When it began, by HubSpot's clock."""
    usable: bool = True
    """Whether there are not too many, all with numbers for ids."""
    _ids: array[int] = field(default_factory=lambda: array("q"))
    _companies: array[int] = field(default_factory=lambda: array("q"))

    def add(self, rows: Sequence[Json]) -> None:
        """Take in rows of the list."""
        if not self.usable:
            return
        texts = [(row["id"], row["properties"].get(COMPANY) or "0") for row in rows]
        self.usable = len(self._ids) + len(rows) <= MOST and all(_is_number(one) for pair in texts for one in pair)
        if self.usable:
            self._ids.extend(int(record_id) for record_id, _ in texts)
            self._companies.extend(int(company) for _, company in texts)
        else:
            self._ids, self._companies = array("q"), array("q")

    def serves(self, now: Instant) -> bool:
        """Return whether another list would show the same."""
        return self.usable and now - self.start < GOOD_FOR

    def parts(self) -> Iterator[tuple[list[Json], bool]]:
        """Yield the rows, 1,000 at a time, each time with whether these are the last."""
        for start in range(0, max(len(self._ids), 1), PART):
            end = start + PART
            pairs = zip(self._ids[start:end], self._companies[start:end], strict=True)
            rows = [{"id": str(one), "properties": {COMPANY: str(company) if company else None}} for one, company in pairs]
            yield rows, end >= len(self._ids)


def _is_number(text: object) -> bool:
    return isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 19 and str(int(text)) == text
