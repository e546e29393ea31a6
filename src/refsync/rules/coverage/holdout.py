"""What came of the matches of a rule, with its task and without: those that its `holdout` left out are what it is compared with.

The laws: everything that the rule wanted counts, also what a cap kept back or a rep never did, since chance alone may decide who
stands on which side; a match counts once its time is over, so that none is looked at for longer than another.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from refsync.model import Instant
from refsync.rules.query.compile import MS_PER_DAY
from refsync.rules.rule import Kind, RuleSet
from refsync.rules.why.explain import Execute
from refsync.store.tables import draw, introduction, touch

SURE = 1.959964
"""How many standard errors to either side hold 95 of 100 cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The matches of a rule that got its task, or those that were left out."""

    matches: int = 0
    came: int = 0
    """Of these: it came of them, in time, what the rule is for."""

    @property
    def share(self) -> float | None:
        return self.came / self.matches if self.matches else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What became of one rule's matches."""

    rule: str
    kind: Kind
    given: Side
    left_out: Side
    young: int
    """Matches that are too young to count."""

    @property
    def difference(self) -> tuple[float, float, float] | None:
        """The share with the task less that without, and between what it lies in 95 of 100 cases; None: a side is empty."""
        return difference(self.given, self.left_out)


def compare(execute: Execute, ruleset: RuleSet, connection_id: str, now: Instant, days: int) -> tuple[Compared, ...]:
    """Return, by rule, what came of its matches within so many days. A rule that was renamed is one rule."""
    now_called = {name: rule.name for rule in ruleset.rules for name in rule.names}
    counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in execute(_counted(connection_id, now, days)):
        rule = str(row["rule"])
        side = "young" if row["young"] else "left out" if row["left_out"] else "given"
        mine = counted[now_called.get(rule, rule), row["kind"]]
        mine[side] += row["matches"]
        mine[f"{side}, came"] += row["came"]
    return tuple(
        Compared(
            rule=rule,
            kind=Kind(kind),
            given=Side(matches=mine["given"], came=mine["given, came"]),
            left_out=Side(matches=mine["left out"], came=mine["left out, came"]),
            young=mine["young"],
        )
        for (rule, kind), mine in sorted(counted.items())
    )


def _counted(connection_id: str, now: Instant, days: int) -> Select[Mapping[str, object]]:
    """Return a SELECT of how many matches there are, and of how many came what was meant, by rule, kind, side and age."""
    end = draw.c.at + days * MS_PER_DAY
    young = case((end > now, 1), else_=0).label("young")
    left_out = case((draw.c.left_out, 1), else_=0).label("left_out")
    came = case((draw.c.kind == Kind.ASK.value, _introduced(end)), else_=_talked(end))
    by = (draw.c.rule, draw.c.kind, left_out, young)
    rows = select(*by, case((came, 1), else_=0).label("came")).where(draw.c.connection == connection_id).subquery()
    groups = (rows.c.rule, rows.c.kind, rows.c.left_out, rows.c.young)
    return select(*groups, func.count().label("matches"), func.sum(rows.c.came).label("came")).group_by(*groups)


def _talked(end: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the customer, of what is about a person that very person, took part in a conversation from then on."""
    here = and_(touch.c.connection == draw.c.connection, touch.c.account_id == draw.c.account_id, touch.c.two_way == 1)
    who = or_(draw.c.contact_id == "", touch.c.contact_id == draw.c.contact_id)
    return select(1).where(here, who, touch.c.at > draw.c.at, touch.c.at <= end).correlate(draw).exists()


def _introduced(end: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether somebody there made an introduction from then on."""
    made = introduction.c.made_at
    here = and_(introduction.c.connection == draw.c.connection, introduction.c.account_id == draw.c.account_id)
    return select(1).where(here, made > draw.c.at, made <= end).correlate(draw).exists()


def difference(given: Side, left_out: Side) -> tuple[float, float, float] | None:
    """Return the difference of two shares and its interval at 95 %; None: a side is empty.

    The interval is Newcombe's from two of Wilson's, which holds for small numbers and shares near 0 and 1, too
    (https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I, method 10).
    """
    one, other = given.share, left_out.share
    if one is None or other is None:
        return None
    low, high = _wilson(given)
    other_low, other_high = _wilson(left_out)
    down = sqrt((one - low) ** 2 + (other_high - other) ** 2)
    up = sqrt((high - one) ** 2 + (other - other_low) ** 2)
    return one - other, one - other - down, one - other + up


def _wilson(side: Side) -> tuple[float, float]:
    """Return Wilson's interval of a share (https://doi.org/10.1080/01621459.1927.10502953)."""
    n, share = side.matches, side.came / side.matches
    middle, width = share + SURE**2 / (2 * n), SURE * sqrt(share * (1 - share) / n + SURE**2 / (4 * n * n))
    return (middle - width) / (1 + SURE**2 / n), (middle + width) / (1 + SURE**2 / n)
