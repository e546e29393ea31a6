"""A rule put to the test: each case is a small company in memory that is ticked once, by the code and the SELECT of production.

Only the rule under test and the one that speaks before it are live, so that a case says what it does and not who else does more.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from refsync.calendar import Duration, Unit
from refsync.finding import Finding, State
from refsync.model import Instant
from refsync.rules.files.cases import Case
from refsync.rules.rule import Mode, RuleSet
from refsync.rules.why.explain import About, Answer, Explained, why_about
from refsync.store import ledger
from refsync.store.engine import Database, Store, rows
from refsync.store.records import directory
from refsync.sync.dry_run.situations import ACCOUNT, REP, Company
from refsync.sync.tick import Report, tick
from refsync.testing.memory import MemoryConnector, MemoryCrm


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of a case."""

    case: Case
    happened: str
    """In words: the task that was written, or why there is none."""
    differences: tuple[str, ...]
    """A line for each thing that is not as expected; none: it passed."""
    answers: tuple[tuple[str, bool], ...] = ()
    """How each line of the rule came out, as `file:line` and whether it held."""


def attempt(case: Case, rules: RuleSet, store: Store) -> Tried:
    """Try a case in a store in memory, as a connection of its own. Raises RuleError when its words say no time."""
    loaded = _only(case, rules)
    company = Company(case, loaded.company.calendar)
    name = secrets.token_hex(4)
    with store.write() as db:
        ledger.intend(db, name, [one._replace(kind=one.kind or _kind(rules, one.rule)) for one in company.before()])
    connector = MemoryConnector(MemoryCrm(company.records()))
    report = tick(store, name, "memory", connector, loaded, now=company.now, approved=True, clock=lambda: company.now)
    with store.read() as db:
        written = [
            one for one in ledger.in_state(db, name, State.OPEN, State.WAITING) if one.run == report.run or one.waiting_for
        ]
        owners = {user.id: user.name for user in directory.users(db, name).values()}
        explained = _explained(db, name, case, loaded, company.now)
    reasons = tuple(dict.fromkeys(_reasons(case, report, explained)))
    return Tried(
        case=case,
        happened=_happened(written, reasons),
        differences=tuple(_differences(case, written, owners, reasons)),
        answers=tuple((str(line.place), line.answer is Answer.YES) for one in explained for line in one.lines),
    )


def uncovered(tried: Iterable[Tried], rules: RuleSet) -> list[str]:
    """Return the lines of tested and untested rules that were never true, or never false."""
    answers: dict[str, set[bool]] = {}
    for one in tried:
        for place, held in one.answers:
            answers.setdefault(place, set()).add(held)
    found = []
    for rule in rules.rules:
        for line in rule.when.lines + rule.unless + rule.needs:
            seen = answers.get(str(line.place), set())
            if len(seen) < 2:
                what = "no case looks at it" if not seen else f"no case makes it {'false' if True in seen else 'true'}"
                found.append(f"{line.place}: {line}: {what}")
    return found


def _only(case: Case, rules: RuleSet) -> RuleSet:
    """Return the rule under test and its `otherwise`, live and judged at once, and off those whose tasks were there before."""
    tested = rules.rule(case.rule)
    live = {case.rule, tested.otherwise if tested else ""}
    before = {one.rule for one in case.after} - live
    kept = tuple(
        replace(rule, mode=Mode.LIVE if live & set(rule.names) else Mode.OFF)
        for rule in rules.rules
        if (live | before) & set(rule.names)
    )
    milestones = dict(rules.company.milestones)
    if kind := case.given.get("milestone", {}).get("kind"):
        milestones[kind] = {"memory": f"deal.{kind}"}
    if "value_added" in case.given.get("account", {}):
        milestones["value added"] = {"memory": "account.value_added"}
    company = replace(rules.company, settle=Duration(0, Unit.HOURS), milestones=milestones)
    lists = case.given.get("segment", {})
    segments = tuple(replace(segment, parameters={**segment.parameters, **lists}) for segment in rules.segments)
    return replace(rules, company=company, segments=segments, rules=kept)


def _kind(rules: RuleSet, name: str) -> str:
    rule = rules.rule(name)
    return rule.kind.value if rule else "care"


def _explained(db: Database, name: str, case: Case, rules: RuleSet, now: Instant) -> list[Explained]:
    tested = replace(rules, rules=tuple(rule for rule in rules.rules if rule.name == case.rule))
    rule = rules.rule(case.rule)
    about = About(subject=("rep", REP)) if rule and rule.for_each == "rep" else About(account_id=ACCOUNT)
    found = why_about(partial(rows, db), tested, name, about, now)
    return list(found.rules) if found else []


def _reasons(case: Case, report: Report, explained: list[Explained]) -> Iterator[str]:
    """Yield the settings that kept the task away, as dotted paths."""
    judged = report.judged
    if judged is not None:
        yield from (held.reason for held in judged.plan.held)
        yield from judged.held_rules.values()
    for one in explained:
        yield from (f"suppress.{name}" for name in one.stops)
        for line in one.lines:
            if line.section == "unless" and line.answer is Answer.YES:
                yield f"unless.{line.line.partition(' ')[0]}"
            elif line.section in {"when", "any", "needs"} and line.answer is not Answer.YES:
                yield f"{'when' if line.section == 'any' else line.section}.{line.line.partition(' ')[0]}"
        if not one.lines:
            yield one.about
    if judged is not None and any(judged.matches.values()) and not judged.plan.write and not judged.plan.held:
        yield "repeat"  # its task stands already


def _happened(written: list[Finding], reasons: tuple[str, ...]) -> str:
    task = next((one for one in written if one.state is State.OPEN), None)
    return f"task {task.rule}" if task else f"nothing: {', '.join(reasons) or 'no reason found'}"


def _differences(case: Case, written: list[Finding], owners: Mapping[str, str], reasons: tuple[str, ...]) -> Iterator[str]:
    """Yield a line for each expectation that did not come true."""
    task = next((one for one in written if one.state is State.OPEN), None)
    waiting = next((one.rule for one in written if one.state is State.WAITING), "none")
    if "nothing" in case.expect:
        wanted = case.expect["nothing"]
        if task:
            yield f"expected nothing, got task {task.rule}"
        elif not any(reason == wanted or reason.startswith((f"{wanted}.", f"{wanted}:")) for reason in reasons):
            yield f"expected nothing because of {wanted}, got {', '.join(reasons) or 'no reason'}"
        return
    if task is None:
        yield f"expected task {case.expect.get('task')}, got nothing: {', '.join(reasons) or 'no reason found'}"
        return
    seen: dict[str, Any] = {"task": task.rule, "waiting": waiting, "due": task.due_on, "subject": task.subject}
    seen["assigned"] = owners.get(task.owner_id, task.owner_id)
    for name, wanted in case.expect.items():
        if seen.get(name) != wanted:
            yield f"expected {name} {wanted}, got {seen.get(name)}"
