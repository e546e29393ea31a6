"""What would come of the matches at one account: a task and for whom, or the setting that keeps it back and until when.

Law: it is the planner of production that says so, with all that the ledger knows of them, and nothing is written. What only the
other customers of a rep decide, whose turn it is, is not known here; nor is the org, whose id a `holdout` is drawn with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from refsync.calendar import Duration, Unit
from refsync.finding import Finding, State
from refsync.model import Instant
from refsync.plan import Approval, Held, Wish, plan, would_write
from refsync.plan.limits import CAPPED_WITHIN
from refsync.rules.rule import Match, Mode, RuleSet
from refsync.store import ledger
from refsync.store.engine import Database
from refsync.sync.evaluate import judged, matches_of, with_cold_people
from refsync.sync.people import people_of

SETTLE = "settle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What would come of one match."""

    task: str = ""
    """The rule whose task would be written: its own, or the one that speaks first; empty: none would."""
    owner: str = ""
    """Who would get it, or for whom it waits, by name."""
    reason: str = ""
    """The setting that keeps it back, as a dotted path; empty: none does."""
    starts: date | None = None
    """The first day on which that setting no longer does; None: more than time has to pass."""


Outlooks = Mapping[tuple[str, str], Outlook]
"""By rule and id of the subject; a match that is not there has its task already, or waits behind another's."""


def outlooks(db: Database, connection: str, rules: RuleSet, account_id: str, now: Instant) -> Outlooks:
    """Return what would come of what rules match at an account. The live rules go first."""
    matches: list[Match] = []
    for rule in judged(rules):
        if rule.for_each != "rep":
            found = matches_of(db, rule, rules, connection, now, accounts=(account_id,))
            matches += with_cold_people(db, connection, rules, now, list(found))
    modes = {rule.name: rule.mode for rule in rules.rules}
    live = [match for match in matches if modes[match.rule] is Mode.LIVE]
    watching = [match for match in matches if modes[match.rule] is not Mode.LIVE]
    people = people_of(db, connection, matches, ())
    capped = now - CAPPED_WITHIN // timedelta(milliseconds=1)
    past = ledger.around(db, connection, account_id, {match.subject_id for match in matches}, capped)
    planned = plan(live, rules=rules, ledger=past, people=people, org="", now=now, approval=Approval(everything=True))
    watched = would_write(watching, planned, rules=rules, ledger=past, people=people, org="", now=now)
    names = {user.id: user.name for user in people.users.values()}
    told = {_of(wish): _written(wish, names, "") for wish in (*planned.write, *watched.write)}
    told |= {_of(wish): _written(wish, names, SETTLE) for wish in planned.notice}
    for one in (*planned.held, *watched.held):
        starts = _starts(one, rules, past, now)
        told[one.rule, one.match.subject_id] = Outlook(owner=names.get(one.owner_id, ""), reason=one.reason, starts=starts)
    return told


def _of(wish: Wish) -> tuple[str, str]:
    return wish.match.rule, wish.match.subject_id


def _written(wish: Wish, names: Mapping[str, str], reason: str) -> Outlook:
    return Outlook(task=wish.rule.name, owner=names.get(wish.owner_id, ""), reason=reason)


def _starts(held: Held, rules: RuleSet, past: Sequence[Finding], now: Instant) -> date | None:
    """Return the first day on which a length of time that keeps a match back is over."""
    calendar = rules.company.calendar
    days = [calendar.ahead(calendar.day(at), length) + timedelta(days=1) for at, length in _waits(held, rules, past)]
    return max((day for day in days if day > calendar.day(now)), default=None)


def _waits(held: Held, rules: RuleSet, past: Sequence[Finding]) -> Iterator[tuple[Instant, Duration]]:
    """Yield since when and for how long a match is kept back."""
    match, rule, ask = held.match, rules.rule(held.rule), rules.company.ask
    done = [one for one in past if one.account_id == match.account_id and one.kind == "ask" and one.state is State.DONE]
    waits: list[tuple[Finding, Duration | None]] = []
    if held.reason == "limits.ask.per_account_every":
        waits = [(one, ask.per_account_every) for one in done]
    elif held.reason == "limits.ask.per_person_every":
        waits = [(one, ask.per_person_every) for one in done if one.contact_id == match.contact_id]
    elif rule and held.reason.startswith("repeat.after_"):
        pause: Duration | None = getattr(rule.repeat, held.reason.removeprefix("repeat."))
        mine = [one for one in past if one.rule in rule.names and one.subject_id == match.subject_id]
        waits = [(max(mine, key=lambda one: one.opened_at), pause)] if mine else []
    for one, length in waits:
        if length and length.unit is not Unit.HOURS:
            yield one.closed_at if one.closed_at is not None else one.opened_at, length
