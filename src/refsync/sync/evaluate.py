"""From the mirror to a plan: which rules may be judged, whom they match, what became of earlier tasks.

Law: no data is not no contact. A rule is held while a stream it reads is partial, older than the freshness limit, or known only
from an instant later than the cut-offs of the rule, or while the CRM hides what it reads; a held rule writes nothing and ends
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, cast

from refsync.finding import Finding, State
from refsync.model import Instant, Stream
from refsync.plan import Approval, People, Plan, Wish, plan, would_write
from refsync.rules import compile as compiling
from refsync.rules.rule import Match, Mode, Rule, RuleSet
from refsync.rules.texts import member
from refsync.store import directory, ledger, mirror, shown
from refsync.store.engine import Database
from refsync.store.mirror import StreamState
from refsync.store.upsert import chunks
from refsync.sync.run import Run

FEED_OF: Mapping[Stream, str] = {Stream.ACTIVITIES: "activities", Stream.CASES: "escalations"}
"""The names that company.toml gives to feeds whose freshness it limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the rules say now."""

    plan: Plan
    matches: Mapping[str, tuple[Match, ...]]
    """Per rule that is live or watched, also of rules that are held; without the facts that only texts need."""
    held_rules: Mapping[str, str] = field(default_factory=dict)
    """Rules that may not be judged now, with the reason."""
    watched: Plan = field(default_factory=Plan)
    """What the rules that only watch would have done, in `write`, with the live ones going first."""


Subject: TypeAlias = tuple[str, str]
"""A rule, and the id of what one of its matches is about."""


def evaluate(run: Run, approval: Approval, *, only: Collection[Subject] | None = None) -> Judged:
    """Return the plan for this run. Writes only what follows from the mirror (touches, milestones, what people did to tasks).

    `only`: these subjects compete, and no others.
    """
    run.progress("judge", 0)
    with run.write() as db:
        shown.take_in(db, run.connection, run.rules.company.calendar, run.now, run.id)
    org = run.connector.org  # may call the CRM: never inside a transaction
    with run.store.read() as db:
        held = held_rules(run, mirror.state(db, run.connection))
        matches = {
            rule.name: tuple(matches_of(db, rule, run.rules, run.connection, run.now, brief=True)) for rule in judged(run.rules)
        }
        past = ledger.everything(db, run.connection)
        judgeable = [match for name, found in matches.items() if name not in held for match in found]
        live = [match for match in judgeable if _is_live(run.rules, match.rule) and (only is None or _subject(match) in only)]
        watching = [match for match in judgeable if not _is_live(run.rules, match.rule)]
        people = _people(db, run.connection, judgeable)
        frozen = frozenset(name for rule in run.rules.rules if rule.name in held for name in rule.names)
        causes_gone = _causes_gone(db, run, past, frozen)
        run.progress("plan", len(live))
        planned = plan(
            live,
            rules=run.rules,
            ledger=past,
            people=people,
            org=org,
            now=run.now,
            causes_gone=causes_gone,
            frozen=frozen,
            approval=approval,
        )
        watched = would_write(watching, planned, rules=run.rules, ledger=past, people=people, org=org, now=run.now)
        planned = replace(
            planned,
            write=_told(db, run, planned.write),
            notice=_told(db, run, planned.notice),
            stopped=_told(db, run, planned.stopped),
        )
    return Judged(plan=planned, matches=matches, held_rules=held, watched=watched)


def judged(rules: RuleSet) -> tuple[Rule, ...]:
    """Return the rules that are evaluated: live or watched, and not only another rule's `otherwise`."""
    return tuple(rule for rule in rules.rules if rule.mode is not Mode.OFF and not rule.only_for_otherwise)


def matches_of(
    db: Database, rule: Rule, rules: RuleSet, connection: str, now: Instant, *, brief: bool = False
) -> Iterator[Match]:
    """Yield everything a rule matches at an instant, before any limit; when `brief`, without what only texts need."""
    compiled = compiling.compile_rule(rule, rules, connection, now, brief=brief)
    for row in db.execute(compiled.statement).mappings():
        yield compiled.match(cast("Mapping[str, Any]", row))


def _told(db: Database, run: Run, wishes: Sequence[Wish]) -> tuple[Wish, ...]:
    """Return the wishes with matches that hold every fact: texts need it of these few, ranking of none."""
    wanted: dict[str, list[Match]] = {}
    for wish in wishes:
        wanted.setdefault(wish.match.rule, []).append(wish.match)
    told = {}
    for rule in run.rules.rules:
        compiled = compiling.compile_rule(rule, run.rules, run.connection, run.now)
        named = _named(db, run, compiled, {match.account_id for match in wanted.get(rule.name, ())})
        for some in chunks([match.subject_id for match in wanted.get(rule.name, ())]):
            for row in db.execute(compiled.about(some)).mappings():
                match = compiled.match(cast("Mapping[str, Any]", row))
                told[rule.name, match.subject_id] = match._replace(names=named.get(match.account_id, {}))
    return tuple(wish._replace(match=told[wish.match.rule, wish.match.subject_id]) for wish in wishes)


def _named(
    db: Database, run: Run, compiled: compiling.Compiled, account_ids: Collection[str]
) -> Mapping[str, dict[str, tuple[str, ...]]]:
    """Return per account the members of those counts that the rule's texts name."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    calendar = run.rules.company.calendar
    for some in chunks(sorted(account_ids)):
        for fact, statement in compiled.names(some):
            for row in db.execute(statement).mappings():
                people = "at" in row
                name = member(row["name"], row["part"] or "", row["at"], calendar) if people else row["name"]
                mine = found.setdefault(row["of"], {})
                mine[fact] = (*mine.get(fact, ()), name)
    return found


def _subject(match: Match) -> Subject:
    return match.rule, match.subject_id


def _is_live(rules: RuleSet, name: str) -> bool:
    rule = rules.rule(name)
    return rule is not None and rule.mode is Mode.LIVE


def held_rules(run: Run, states: Mapping[Stream, StreamState]) -> dict[str, str]:
    """Return the rules that may not be judged now, with the reason."""
    gates = ((rule, _gate(rule, run, states)) for rule in run.rules.rules)
    return {rule.name: reason for rule, reason in gates if reason}


def _gate(rule: Rule, run: Run, states: Mapping[Stream, StreamState]) -> str:
    """Return why a rule may not be judged, or an empty text."""
    company = run.rules.company
    horizon = compiling.horizon(rule, run.rules, run.now)
    for stream in sorted(compiling.reads(rule, run.rules) & run.connector.streams):
        state = states.get(stream)
        feed = FEED_OF.get(stream, stream.value)
        if state is None or state.synced_at is None:
            return f"held.{feed}: never read to the end"
        if state.partial:
            return f"held.{feed}: {state.partial}"
        limit = company.freshness.get(feed)
        if limit and state.synced_at < company.calendar.ago(run.now, limit):
            return f"held.{feed}: older than {limit}"
        if stream is Stream.ACTIVITIES and state.complete_since and horizon and horizon < state.complete_since:
            return f"held.{feed}: history begins too late"
    return _hidden(rule, run, states)


def _hidden(rule: Rule, run: Run, states: Mapping[Stream, StreamState]) -> str:
    """Return which attributes the CRM does not show that the rule reads, and what to do; empty: it shows all."""
    lacking = {stream: state.lacking for stream, state in states.items() if stream in run.connector.streams}
    hidden = sorted(compiling.hidden(rule, run.rules, run.milestones, lacking))
    if not hidden:
        return ""
    first = hidden[0][0]
    names = ", ".join(f"{stream.value}.{name}" for stream, name in hidden)
    return f"held.{first.value}: the CRM does not show {names}; let refsync's user read it there (refsync check names the field)"


def _people(db: Database, connection: str, matches: Iterable[Match]) -> People:
    events = [match for match in matches if match.subject_kind != "account"]
    return People(
        users=directory.users(db, connection),
        contact_owner=directory.owners(db, connection, Stream.CONTACTS, {m.contact_id for m in events if m.contact_id}),
        deal_owner=directory.owners(db, connection, Stream.DEALS, {m.deal_id for m in events if m.deal_id}),
    )


def _causes_gone(db: Database, run: Run, past: Iterable[Finding], frozen: Collection[str]) -> dict[str, str]:
    """Return the open findings whose cause is no longer there, by key, with what is seen instead."""
    open_now: dict[str, list[Finding]] = {}
    waiting: dict[str, list[Finding]] = {}
    for finding in past:
        if finding.state in {State.OPEN, State.SNOOZED} and finding.rule not in frozen:
            open_now.setdefault(finding.rule, []).append(finding)
        elif finding.state is State.WAITING:
            waiting.setdefault(finding.waiting_for, []).append(finding)
    gone: dict[str, str] = {}
    for name, findings in open_now.items():
        rule = run.rules.rule(name)
        if rule is None:
            continue
        if rule.task.close_when:
            met = " and ".join(str(line) for line in rule.task.close_when)
            gone |= dict.fromkeys(_of(db, compiling.closing, run, rule, findings), f"no longer needed: {met}")
            continue
        if rule.is_event:
            continue
        still = (
            _still_called_for(db, run, waiting, findings)
            if rule.only_for_otherwise
            else _of(db, compiling.holding, run, rule, findings)
        )
        for finding in findings:
            if finding.key not in still:
                touch = directory.last_touch(db, run.connection, finding.account_id or "", run.now)
                gone[finding.key] = f"in touch again: {touch}" if touch else "its cause is gone"
    return gone


def _of(db: Database, asked: Callable[..., Any], run: Run, rule: Rule, findings: Sequence[Finding]) -> set[str]:
    """Return the keys of those findings whose subjects a SELECT of `compile` yields."""
    by_subject = {finding.subject_id: finding.key for finding in reversed(findings)}  # of two after a merge the older stays
    return {
        by_subject[subject]
        for some in chunks(by_subject)
        for subject in db.execute(asked(rule, run.rules, run.connection, run.now, some)).scalars()
    }


def _still_called_for(db: Database, run: Run, waiting: Mapping[str, list[Finding]], findings: Iterable[Finding]) -> set[str]:
    """Return the keys of `otherwise` findings behind which something waits whose `needs` do not hold yet."""
    still: set[str] = set()
    for finding in findings:
        for behind in waiting.get(finding.key, ()):
            rule, account = run.rules.rule(behind.rule), finding.account_id
            if rule is None or account is None:
                continue
            met = db.execute(compiling.in_touch(rule, run.rules, run.connection, run.now, [account])).scalars().all()
            if not met:
                still.add(finding.key)
    return still
