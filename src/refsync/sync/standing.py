"""What still stands of what was found before, as the mirror shows it now.

Laws: findings of rules that may not be judged are not looked at; a waiting ask stands, however old its milestone has become;
owners are only followed while users, owners and subjects were read to their end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from refsync.finding import ESCALATION, LIVE, Finding, State
from refsync.model import Stream, parse_instant
from refsync.plan.assignees import About
from refsync.plan.standing import Standing
from refsync.rules.query import compile as compiling
from refsync.rules.query import standing as asking
from refsync.rules.rule import Rule
from refsync.store.database.lists import chunks
from refsync.store.engine import Database
from refsync.store.mirror import StreamState
from refsync.store.records import directory
from refsync.sync.run import Run

WITH_REP = frozenset({State.OPEN, State.SNOOZED})
OWNED = (Stream.USERS, Stream.ACCOUNTS, Stream.CONTACTS, Stream.DEALS, Stream.INTRODUCTIONS)
"""What has to be known for certain before a task changes hands."""


def standing(
    db: Database, run: Run, past: Iterable[Finding], frozen: Collection[str], states: Mapping[Stream, StreamState]
) -> Standing:
    """Return what is to be known of the findings that are not over; those of `frozen` rules are left alone."""
    live = [found for found in past if found.state in LIVE]
    of_rule: dict[str, list[Finding]] = defaultdict(list)
    for found in live:
        rule = run.rules.rule(found.rule)
        if rule and found.rule not in frozen and found.kind != ESCALATION:
            of_rule[rule.name].append(found)
    gone: dict[str, str] = {}
    withdrawn: dict[str, str] = {}
    about: dict[str, About] = {}
    for name, findings in of_rule.items():
        rule = run.rules.rule(name)
        if rule is None:
            continue
        there = _there(db, run, rule, findings)
        with_rep = [found for found in findings if found.state in WITH_REP]
        gone |= dict(_gone(db, run, rule, with_rep, live, there))
        withdrawn |= dict(_withdrawn(db, run, rule, [found for found in findings if found.state in {*WITH_REP, State.WAITING}]))
        about |= {found.key: there[found.subject_id] for found in with_rep if found.subject_id in there}
    return Standing(gone=gone, withdrawn=withdrawn, about=about if _owners_are_known(run, states) else {})


def _there(db: Database, run: Run, rule: Rule, findings: Sequence[Finding]) -> dict[str, About]:
    """Return the subjects that still exist, by id, with the people round them."""
    kind = rule.for_each
    return {
        row["subject_id"]: About(
            owner_id=row["owner_id"],
            contact_id=row["contact_id"],
            deal_id=row["deal_id"],
            rep_id=row["rep_id"],
            is_account=kind == "account",
        )
        for some in chunks(dict.fromkeys(found.subject_id for found in findings))
        for row in db.execute(asking.existing(kind, run.connection, some)).mappings()
    }


def _gone(
    db: Database, run: Run, rule: Rule, findings: Sequence[Finding], live: Sequence[Finding], there: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield the keys of tasks whose cause is no longer there, with what is seen instead."""
    here = [found for found in findings if found.subject_id in there]
    yield from ((found.key, f"the {rule.for_each} is no longer there") for found in findings if found.subject_id not in there)
    if rule.task.close_when:
        met = " and ".join(str(line) for line in rule.task.close_when)
        yield from ((key, f"no longer needed: {met}") for key in _of(db, compiling.closing, run, rule, here))
    elif rule.only_for_otherwise:
        still = _still_called_for(db, run, live, here)
        yield from ((found.key, _seen_instead(db, run, found)) for found in here if found.key not in still)
    elif not rule.is_event:
        still = _of(db, compiling.holding, run, rule, here)
        yield from ((found.key, _seen_instead(db, run, found)) for found in here if found.key not in still)


def _of(db: Database, asked: Callable[..., Any], run: Run, rule: Rule, findings: Iterable[Finding]) -> set[str]:
    """Return the keys of those findings whose subjects a SELECT yields."""
    by_subject: dict[str, list[str]] = defaultdict(list)
    for found in findings:
        by_subject[found.subject_id].append(found.key)
    return {
        key
        for some in chunks(by_subject)
        for subject in db.execute(asked(rule, run.rules, run.connection, run.now, some)).scalars()
        for key in by_subject[subject]
    }


def _still_called_for(db: Database, run: Run, live: Iterable[Finding], findings: Iterable[Finding]) -> set[str]:
    """Return the keys of `otherwise` tasks behind which something waits whose `needs` do not hold yet."""
    keys = {found.key for found in findings}
    waiting: dict[str, list[Finding]] = defaultdict(list)
    for found in live:
        if found.state is State.WAITING and found.waiting_for in keys:
            waiting[found.rule].append(found)
    still: set[str] = set()
    for name, behind in waiting.items():
        if rule := run.rules.rule(name):
            met = _of(db, compiling.ready, run, rule, behind)
            still.update(found.waiting_for for found in behind if found.key not in met)
    return still


def _seen_instead(db: Database, run: Run, found: Finding) -> str:
    """Return the touch that ended a lapse, in words; another cause is gone without a word."""
    began = parse_instant(found.episode) if found.episode not in {"", "never"} else 0
    touch = directory.last_touch(db, run.connection, found.account_id or "", run.now, since=began + 1) if found.episode else ""
    return f"in touch again: {touch}" if touch else "its cause is gone"


def _withdrawn(db: Database, run: Run, rule: Rule, findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """Yield the keys of findings that a suppression stops, with its name."""
    by_subject: dict[str, list[str]] = defaultdict(list)
    for found in findings:
        by_subject[found.subject_id].append(found.key)
    for some in chunks(by_subject):
        for name, statement in asking.suppressed(rule, run.rules, run.connection, run.now, some):
            for subject in db.execute(statement).scalars():
                yield from ((key, f"suppress.{name}") for key in by_subject[subject])
    if name := asking.stops_opted_out(rule, run.rules, run.now):
        out = directory.opted_out(db, run.connection, {found.contact_id for found in findings if found.contact_id})
        yield from ((found.key, f"suppress.{name}") for found in findings if found.contact_id in out)


def _owners_are_known(run: Run, states: Mapping[Stream, StreamState]) -> bool:
    needed = (states.get(stream) for stream in OWNED if stream in run.connector.streams)
    return all(state is not None and state.synced_at is not None and not state.partial for state in needed)
