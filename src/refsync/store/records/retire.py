"""Records that go because the CRM does not list them any more, and the brake before them.

The law: a loss that looks like a mistake (a lost permission, a cut-off file) deletes nothing until a person has said that it is
meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from refsync.company import Company, MilestoneField
from refsync.errors import Problem
from refsync.model import Stream
from refsync.store import mirror
from refsync.store.derived.derive import Stale, refresh
from refsync.store.records import missing

MOST_LOST = 500
MOST_LOST_SHARE = 0.05
HANDFUL = 5
"""So few may always go: 5 % of a small list is less than one record."""
AT_ONCE = 5_000
"""So many go in one transaction: other threads wait for its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """What became of the records that were due to go."""

    ids: tuple[str, ...] = ()
    """Those that were deleted."""
    problem: Problem | None = None
    """The brake: nothing was deleted, and a person has to look."""
    more: bool = False
    """Whether others are left, for the next transaction."""


def retire(
    db: Connection,
    connection: str,
    stream: Stream,
    *,
    company: Company,
    milestones: Sequence[MilestoneField] = (),
    confirmed: bool = False,
    derived: bool = True,
) -> Retired:
    """Delete the records that are due to go (`missing.compare`), at most 5,000 of them.

    Unless a person has `confirmed` it, more than 500 records, or more than 5 % of the stream and a handful, stay. Without
    `derived` the derived tables are left for `derive.ensure_derived`.
    """
    due, held = missing.count_due(db, connection, stream), mirror.counts(db, connection, stream)[stream]
    if not confirmed and (due > MOST_LOST or due > max(HANDFUL, MOST_LOST_SHARE * held)):
        return Retired(problem=_brake(connection, stream, due, held))
    stale = Stale(heeded=derived)
    gone = missing.due(db, connection, stream, AT_ONCE)
    mirror.remove(db, connection, stream, gone, stale)
    if derived:
        refresh(db, connection, stale, company, milestones)
    missing.found(db, connection, stream, gone)
    return Retired(ids=tuple(gone), more=due > len(gone))


def _brake(connection: str, stream: Stream, due: int, held: int) -> Problem:
    return Problem(
        message=f'connection "{connection}": {due:,} of {held:,} {stream.value} are not shown any more; none was deleted here',
        hint=(
            "check that this sign-in still sees everything, or that the file is whole; if they are really gone, say so: "
            f"refsync sync --connection {connection} --confirm-deletes {stream.value}"
        ),
    )
