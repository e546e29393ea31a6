"""From the mirror to a plan: which rules may be judged, whom they match, what became of earlier tasks.

Law: no data is not no contact. A rule is held while a stream it reads is partial, older than the freshness limit, or known only
from an instant later than the cut-offs of the rule, or while the CRM hides what it reads; a held rule writes nothing and ends
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from refsync.finding import ESCALATION, Finding, State
from refsync.model import Instant, Stream, iso
from refsync.plan import Approval, Plan, Wish, plan, would_write
from refsync.rules.facts.people import pick
from refsync.rules.query import compile as compiling
from refsync.rules.rule import Match, Mode, Rule, RuleSet
from refsync.rules.texts import member
from refsync.store import ledger, mirror
from refsync.store.database.bulk import in_bulk
from refsync.store.database.lists import chunks
from refsync.store.engine import Abreast, Database, Store
from refsync.store.mirror import StreamState
from refsync.store.tables import account
from refsync.store.tasks import shown
from refsync.sync.people import people_of
from refsync.sync.run import Run
from refsync.sync.silence import silence
from refsync.sync.standing import standing
from refsync.sync.write_back.adopt import adopt
from refsync.sync.write_back.words import known_people

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
    taken_over: int = 0
    """Tasks of ours that the ledger did not know, and knows now."""


def evaluate(run: Run, approval: Approval) -> Judged:
    """Return the plan for this run. Writes only what follows from the mirror (touches, milestones, what people did to tasks)."""
    run.progress("judge", 0)
    with run.write() as db:
        shown.take_in(db, run.connection, run.rules.company.calendar, run.now, run.id)
    org = run.connector.org  # may call the CRM: never inside a transaction
    taken_over = adopt(run, org)
    matches, past = matches_and_ledger(run.store, judged(run.rules), run.rules, run.connection, run.now)
    with run.store.read() as db:
        held = held_rules(run, mirror.state(db, run.connection))
        judgeable = [match for name, found in matches.items() if name not in held for match in found]
        judgeable += (match for match in entered(db, run, past, judgeable) if match.rule not in held)
        silent = silence(db, run)
        judgeable, unheard = silent.sort(with_cold_people(db, run.connection, run.rules, run.now, judgeable))
        live = [match for match in judgeable if _is_live(run.rules, match.rule)]
        watching = [match for match in judgeable if not _is_live(run.rules, match.rule)]
        frozen = frozenset(name for rule in run.rules.rules if rule.name in held for name in rule.names)
        known = standing(db, run, past, frozen, mirror.state(db, run.connection))
        people = people_of(db, run.connection, judgeable, known.about.values())
        run.progress("plan", len(live))
        planned = plan(
            live,
            rules=run.rules,
            ledger=past,
            people=people,
            org=org,
            now=run.now,
            standing=known,
            frozen=frozen,
            approval=approval,
        )
        watched = would_write(watching, planned, rules=run.rules, ledger=past, people=people, org=org, now=run.now)
        planned = replace(
            planned,
            end=silent.spared(planned.end),
            held=(*planned.held, *unheard),
            write=_told(db, run, planned.write),
            notice=_told(db, run, planned.notice),
            stopped=_told(db, run, planned.stopped),
        )
    return Judged(plan=planned, matches=matches, held_rules=held, watched=watched, taken_over=taken_over)


def judged(rules: RuleSet) -> tuple[Rule, ...]:
    """Return the rules that are evaluated: live or watched, and not only another rule's `otherwise`."""
    return tuple(rule for rule in rules.rules if rule.mode is not Mode.OFF and not rule.only_for_otherwise)


def matches_and_ledger(
    store: Store, asked: Iterable[Rule], rules: RuleSet, connection: str, now: Instant
) -> tuple[dict[str, tuple[Match, ...]], list[Finding]]:
    """Return what each rule matches, in brief, and all findings, read side by side: nobody else writes what a run judges."""
    with store.read_abreast() as abreast:
        past = abreast.ask(lambda db: ledger.everything(db, connection))
        found = matches_of_each(abreast, asked, rules, connection, now)
    return {name: matches.result() for name, matches in found.items()}, past.result()


def matches_of_each(
    abreast: Abreast, asked: Iterable[Rule], rules: RuleSet, connection: str, now: Instant
) -> dict[str, Future[tuple[Match, ...]]]:
    """Return what is to hold everything that each rule matches, in brief, by the rule's name."""

    def matched(rule: Rule) -> Callable[[Database], tuple[Match, ...]]:
        return lambda db: tuple(matches_of(db, rule, rules, connection, now, brief=True))

    return {rule.name: abreast.ask(matched(rule)) for rule in asked}


def matches_of(
    db: Database,
    rule: Rule,
    rules: RuleSet,
    connection: str,
    now: Instant,
    *,
    brief: bool = False,
    accounts: tuple[str, ...] = (),
) -> Iterator[Match]:
    """Yield everything a rule matches at an instant, before any limit; when `brief`, without what only texts need.

    With `accounts` only what it matches at these.
    """
    compiled = compiling.compile_rule(rule, rules, connection, now, brief=brief, accounts=accounts)
    statement = compiled.statement.where(account.c.id.in_(accounts)) if accounts else compiled.statement
    yield from compiled.matches(in_bulk(db, statement) if brief else db.execute(statement))


def entered(db: Database, run: Run, past: Iterable[Finding], matches: Iterable[Match]) -> Iterator[Match]:
    """Yield the matches of what waits, or was not sent, and has left its rule's `when`: that led in, it does not lead out."""
    seen = {(match.rule, match.subject_id) for match in matches}
    waits: dict[str, set[str]] = {}
    for found in past:
        rule = run.rules.rule(found.rule)
        unsent = found.state is State.WAITING or (found.state is State.PENDING and found.kind != ESCALATION)
        if rule and unsent and rule.is_event and rule.mode is Mode.LIVE and (rule.name, found.subject_id) not in seen:
            waits.setdefault(rule.name, set()).add(found.subject_id)
    for name, subjects in waits.items():
        if rule := run.rules.rule(name):
            compiled = compiling.compile_rule(rule, run.rules, run.connection, run.now, brief=True)
            for some in chunks(sorted(subjects)):
                yield from compiled.matches(db.execute(compiled.entered(some)))


def with_cold_people(db: Database, connection: str, rules: RuleSet, now: Instant, matches: Sequence[Match]) -> list[Match]:
    """Return the matches; those that wait for a person know that person, and that person's lapse."""
    known = known_people(db, connection, [match for match in matches if match.person_cold], now)
    return [_about_person(match, rules, known(match)) if match.person_cold else match for match in matches]


def _about_person(match: Match, rules: RuleSet, known: Sequence[Mapping[str, Any]]) -> Match:
    rule = rules.rule(match.rule)
    person = pick(rule.task.with_, match, known) if rule else None
    if person is None:
        return match
    last = person.last_two_way
    return match._replace(asked_id=person.id, waiting_episode="never" if last is None else iso(last))


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
            for match in compiled.matches(db.execute(compiled.about(some))):
                told[rule.name, match.subject_id] = match._replace(names=named.get(match.account_id, {}))
    return tuple(
        wish._replace(match=told[wish.match.rule, wish.match.subject_id]._replace(asked_id=wish.match.asked_id))
        for wish in wishes
    )


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
