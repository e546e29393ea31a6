"""What a rep reads: the rule's subject and text for the person to talk to, and the evidence behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

import orjson

from refsync.calendar import Calendar
from refsync.finding import Finding, State
from refsync.model import Instant
from refsync.plan import Wish
from refsync.rules.facts.people import introduced, people, pick
from refsync.rules.rule import Match, Rule
from refsync.rules.texts import write
from refsync.store.database.lists import chunks
from refsync.store.engine import Database
from refsync.sync.run import Run

ACCOUNTS_A_QUERY = 500


def findings_of(db: Database, run: Run, wishes: Sequence[Wish]) -> list[Finding]:
    """Return the ledger rows of wishes, ready to be sent: with the person, the words, and what the rule saw."""
    known = known_people(db, run.connection, [wish.match for wish in wishes], run.now)
    return [_finding(run, wish, known(wish.match)) for wish in wishes]


def known_people(
    db: Database, connection: str, matches: Collection[Match], now: Instant
) -> Callable[[Match], Sequence[Mapping[str, Any]]]:
    """Return a function that says who is known to a match, as rows for `pick`: those at the account and the one introduced."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for some in chunks(sorted({match.account_id for match in matches}), ACCOUNTS_A_QUERY):
        for row in db.execute(people(connection, some, now)).mappings():
            found[row["account_id"]].append(cast("Mapping[str, Any]", row))
    elsewhere: dict[str, Mapping[str, Any]] = {}
    for some in chunks(sorted({match.person_id for match in matches if match.person_id}), ACCOUNTS_A_QUERY):
        for row in db.execute(introduced(connection, some, now)).mappings():
            elsewhere[row["id"]] = cast("Mapping[str, Any]", row)

    def known(match: Match) -> Sequence[Mapping[str, Any]]:
        here = found.get(match.account_id, [])
        other = elsewhere.get(match.person_id or "")
        return [*here, other] if other and other["account_id"] != match.account_id else here

    return known


def _finding(run: Run, wish: Wish, known: Sequence[Mapping[str, Any]]) -> Finding:
    rule, match = wish.rule, wish.match
    person = pick(("contact",), match._replace(contact_id=match.asked_id), known) if match.asked_id else None
    person = person or pick(rule.task.with_, match, known)
    waiting = [found for behind in wish.behind if (found := run.rules.rule(behind.rule))]
    words = write(rule, run.rules, match, person, run.now, waiting=waiting)
    return Finding(
        key=wish.key,
        rule=rule.name,
        kind=rule.kind,
        subject_kind=wish.subject_kind,
        subject_id=wish.subject_id,
        episode=wish.episode,
        n=wish.n,
        account_id=match.account_id or None,
        contact_id=person.id if person else None,
        deal_id=match.deal_id,
        owner_id=wish.owner_id,
        state=State.SENDING,
        subject=words.subject,
        text=f"{words.text.strip()}\n\n{_whose(wish, run.rules.company.calendar)}{_footer(rule, waiting)}",
        do=words.do,
        priority=rule.task.priority,
        due_on=wish.due_on,
        due_at=wish.due_at,
        facts=orjson.dumps(dict(match.facts)).decode(),
        opened_at=run.now,
        run=run.id,
    )


def _whose(wish: Wish, calendar: Calendar) -> str:
    """Return for whom the owner of a task stands in, and until when."""
    if wish.absent is None or wish.absent.away_until is None:
        return ""
    last = calendar.day(wish.absent.away_until - 1)
    return f"{wish.absent.name or 'Its owner'} is away until {last:%d %b %Y}; left open, this goes back then.\n"


def _footer(rule: Rule, waiting: Sequence[Rule]) -> str:
    """Return what will end the task, and where it comes from."""
    if rule.task.close_when:
        ends = "Closes by itself as soon as the CRM shows that it is done."
    elif rule.is_event:
        ends = "Done when you tick it off."
    elif waiting:
        ends = "Closes by itself once there has been a conversation; then comes: " + ", ".join(r.title for r in waiting) + "."
    else:
        ends = "Closes by itself as soon as its reason is gone, for instance when somebody has been in touch."
    return f"{ends}\nWritten by refsync, rule {rule.name}. Ticking this off is not counted as contact."
