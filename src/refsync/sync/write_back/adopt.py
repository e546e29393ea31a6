"""Findings that come back from the keys of the CRM's tasks, after a database was lost or restored from before.

A key is a hash, and cannot be read. But it is made of CRM facts only, so every key that a rule could have made at an account can
be made again: of its subjects, of each touch that may have begun a lapse, and of the first few repetitions. Where a fact has
changed since (a call was moved, records were merged), the words of the task still tell its rule.

Law: what is taken over stands as it stands; nothing is written to the CRM, and no second task is written beside it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from refsync.finding import ESCALATION, Finding, State, finding_key
from refsync.model import ActivityStatus, iso
from refsync.plan.assignees import About, Assignees, on_duty
from refsync.plan.escalation import SUBJECT
from refsync.plan.situation import People
from refsync.rules.query import standing as asking
from refsync.rules.rule import Placeholder, Rule, RuleSet
from refsync.store import ledger
from refsync.store.database.lists import chunks
from refsync.store.engine import Database
from refsync.store.tasks import adoption
from refsync.store.tasks.adoption import Orphan
from refsync.store.tasks.shown import shown_day
from refsync.sync.people import people_of
from refsync.sync.run import Run

log = structlog.get_logger()

AGAIN = 5
"""So many repetitions of a task in one lapse are looked for."""
ACCOUNTS = 200
"""So many accounts are worked through at once."""
STATES: Mapping[ActivityStatus, State] = {ActivityStatus.DONE: State.DONE, ActivityStatus.CANCELLED: State.DISMISSED}


@dataclass(frozen=True, slots=True)
class _Identity:
    """What a key was made of."""

    rule: Rule
    subject_id: str
    account_id: str
    about: About
    episode: str = ""
    n: int = 0


def adopt(run: Run, org: str) -> int:
    """Take over the tasks of ours that the ledger does not know; return how many could be told."""
    with run.store.read() as db:
        unknown = adoption.orphans(db, run.connection)
        told = dict(_told(db, run, org, unknown)) if unknown else {}
        people = people_of(db, run.connection, (), [one.about for one in told.values()])
    found = [_finding(run, orphan, told[orphan.key], people) for orphan in unknown if orphan.key in told]
    found += _escalations(run, org, [orphan for orphan in unknown if orphan.key not in told], found)
    if found:
        with run.write() as db:
            ledger.adopt(db, run.connection, found, at=run.now, run=run.id)
        log.info("tasks_taken_over", count=len(found), unknown=len(unknown) - len(found))
    return len(found)


def _told(db: Database, run: Run, org: str, unknown: Sequence[Orphan]) -> Iterator[tuple[str, _Identity]]:
    """Yield what the keys of tasks were made of, or what their words tell of it."""
    at: dict[str, list[Orphan]] = defaultdict(list)
    for orphan in unknown:
        for account_id in orphan.account_ids:
            at[account_id].append(orphan)
    for some in chunks(at, ACCOUNTS):
        here = list(_subjects(db, run, some))
        keys = {one.key for account_id in some for one in at[account_id]}
        found = {key: identity for key, identity in _keys(db, run, org, here) if key in keys}
        yield from found.items()
        for identity in here:
            rule = identity.rule
            for orphan in at[identity.account_id]:
                known = orphan.key in found or orphan.status is not ActivityStatus.PLANNED
                if not known and _is_meant(identity, orphan) and _wording(rule).fullmatch(orphan.subject):
                    found[orphan.key] = identity
                    yield orphan.key, identity


def _subjects(db: Database, run: Run, account_ids: Sequence[str]) -> Iterator[_Identity]:
    """Yield each rule with each subject that it could have been about at these accounts."""
    rules: dict[str, list[Rule]] = defaultdict(list)
    for rule in run.rules.rules:
        rules[rule.for_each].append(rule)
    for kind, of_kind in rules.items():
        if kind == "rep":
            continue
        for row in db.execute(asking.at_accounts(of_kind[0].for_each, run.connection, account_ids)).mappings():
            about = About(
                owner_id=row["owner_id"],
                contact_id=row["contact_id"],
                deal_id=row["deal_id"],
                rep_id=row["rep_id"],
                is_account=kind == "account",
            )
            yield from (_Identity(rule, row["subject_id"], row["account_id"], about) for rule in of_kind)


def _keys(db: Database, run: Run, org: str, here: Collection[_Identity]) -> Iterator[tuple[str, _Identity]]:
    """Yield every key that these could have made."""
    at_account: dict[str, set[str]] = defaultdict(lambda: {"", "never"})
    with_person: dict[str, set[str]] = defaultdict(lambda: {"", "never"})
    accounts = {identity.account_id for identity in here}
    for account_id, contact_id, at in adoption.touches_of(db, run.connection, accounts):
        at_account[account_id].add(iso(at))
        with_person[contact_id].add(iso(at))
    for identity in here:
        rule, subject_id = identity.rule, identity.subject_id
        episodes = {"account": at_account, "contact": with_person}.get(rule.for_each, {}).get(subject_id, {"", "never"})
        for episode in [""] if rule.is_event else episodes:
            for n in range(AGAIN):
                key = finding_key(org, rule.key_name, rule.for_each, subject_id, episode, n)
                yield key, replace(identity, episode=episode, n=n)


def _is_meant(identity: _Identity, orphan: Orphan) -> bool:
    """Say whether a task could be about this account or person, as far as its links tell; events are told by their keys alone."""
    if identity.rule.for_each == "contact":
        return identity.subject_id == orphan.contact_id
    return identity.rule.for_each == "account" and orphan.account_ids[:1] == (identity.account_id,)


def _wording(rule: Rule) -> re.Pattern[str]:
    """Return what the subject of a rule's tasks looks like."""
    parts = (".*" if isinstance(part, Placeholder) else re.escape(part) for part in rule.task.subject.parts)
    return re.compile("".join(parts), re.DOTALL)


def _finding(run: Run, orphan: Orphan, identity: _Identity, people: People) -> Finding:
    rule, company = identity.rule, run.rules.company
    taken = _taken(run, orphan, rule)
    found = list(Assignees(people).active(rule.task.assign or company.assign, identity.about))
    meant = {one[0].id for one in (found[0], on_duty(found, company.away, run.now, taken.due_at)) if one} if found else set()
    return taken._replace(
        kind=rule.kind.value,
        subject_kind=rule.for_each,
        subject_id=identity.subject_id,
        account_id=identity.account_id,
        episode=identity.episode,
        n=identity.n,
        edited="" if orphan.owner_id in meant else "owner",
    )


def _taken(run: Run, orphan: Orphan, rule: Rule) -> Finding:
    """Return a finding of a task that stands, as far as the task itself tells."""
    company = run.rules.company
    due_on = company.calendar.day(run.now) if orphan.at is None else shown_day(orphan.at, company.calendar)
    state = STATES.get(orphan.status, State.OPEN) if orphan.status else State.OPEN
    written = adoption.written_at(due_on, rule.task.due, company.calendar, run.now)
    return Finding(
        key=orphan.key,
        rule=rule.name,
        kind=ESCALATION,
        subject_kind=SUBJECT,
        subject_id="",
        account_id=next(iter(orphan.account_ids), None),
        contact_id=orphan.contact_id,
        deal_id=orphan.deal_id,
        owner_id=orphan.owner_id,
        state=state,
        subject=orphan.subject,
        do=rule.task.do if isinstance(rule.task.do, str) else "",
        priority=rule.task.priority,
        due_on=due_on,
        due_at=orphan.at or company.due_at(due_on),
        task_id=orphan.task_id,
        reason="" if state is State.OPEN else ledger.ADOPTED,
        opened_at=written if orphan.at is None else min(written, orphan.at),
        closed_at=None if state is State.OPEN else min(orphan.at or run.now, run.now),
        run=run.id,
    )


def _escalations(run: Run, org: str, unknown: Iterable[Orphan], found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the tasks that tell of others, which are known by now."""
    with run.store.read() as db:
        known = [*ledger.everything(db, run.connection), *found] if unknown else []
    told = {finding_key(org, rule.key_name, SUBJECT, one.key, "", 0): (one, rule) for one, rule in _ruled(known, run.rules)}
    for orphan in unknown:
        if orphan.key in told:
            one, rule = told[orphan.key]
            yield _taken(run, orphan, rule)._replace(subject_id=one.key, account_id=one.account_id)


def _ruled(findings: Iterable[Finding], rules: RuleSet) -> Iterator[tuple[Finding, Rule]]:
    for one in findings:
        if rule := rules.rule(one.rule):
            yield one, rule
