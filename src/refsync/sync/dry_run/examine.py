"""What only the data can tell of rules: values that never occur, rules that match nobody or everybody or never come first.

Every finding has the place of the line that it is about. All are warnings or hints: data change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from refsync.errors import Problem, did_you_mean
from refsync.model import Instant, Stream
from refsync.plan.assignees import Assignees
from refsync.plan.situation import People
from refsync.rules.facts.registry import facts_of
from refsync.rules.facts.sources import Field
from refsync.rules.phrases import FactType, NotOneOf, OneOf
from refsync.rules.query.occurring import occurring
from refsync.rules.query.reading import all_lines, reads
from refsync.rules.rule import Condition, Rule, RuleSet
from refsync.store import mirror
from refsync.store.engine import Database
from refsync.store.records import directory
from refsync.sync.dry_run.rehearsal import Rehearsal, funnel, live, rehearse
from refsync.sync.evaluate import judged

SHOWN = 6


def examine(db: Database, connection: str, rules: RuleSet, now: Instant) -> list[Problem]:
    """Return what is odd about these rules for the data of a connection. Rules that are off are not looked at."""
    playing = live(rules)
    rehearsed = rehearse(db, connection, playing, now)
    made = mirror.counts(db, connection)[Stream.INTRODUCTIONS]
    found = list(_values(db, connection, playing, now))
    for rule in judged(playing):
        if not made and Stream.INTRODUCTIONS in reads(rule, playing, facts_of(playing)):
            message = f'no introduction is known in "{connection}", so this rule matches nobody'
            hint = "say in config.toml where the CRM keeps introductions, and what marks them"
            found.append(Problem(message=message, hint=hint, place=rule.place, severity="warning"))
        else:
            found += _reach(db, connection, rule, playing, now, rehearsed)
    found += _people(db, connection, playing)
    return sorted(found, key=lambda problem: (str(problem.place), problem.message))


def _reach(db: Database, connection: str, rule: Rule, rules: RuleSet, now: Instant, rehearsed: Rehearsal) -> Iterator[Problem]:
    """Yield whom a rule reaches when that is nobody, everybody, or never first."""
    matches = rehearsed.matches.get(rule.name, ())
    everyone, steps = funnel(db, connection, rule, rules, now)
    if not matches and everyone:
        last = next((step for step in steps if not step.left), None)
        why = f"{last.section} {last.words} leaves none of {last.lost:,}" if last else "its suppressions leave nobody"
        yield Problem(message="matches nobody now", hint=why, place=rule.place, severity="hint")
    elif everyone > 1 and len(matches) == everyone:
        message = f"matches every {rule.for_each}: all {everyone:,}"
        yield Problem(message=message, hint="is a line missing?", place=rule.place, severity="warning")
    reasons = [held.reason for held in rehearsed.plan.held if held.rule == rule.name]
    ahead = {reason.removeprefix("order: ") for reason in reasons if reason.startswith("order: ")}
    wrote = any(wish.match.rule == rule.name for wish in rehearsed.tasks)
    if matches and not wrote and len(reasons) == len(matches) and all(reason.startswith("order: ") for reason in reasons):
        message = f"never comes first: each of its {len(matches):,} accounts goes to {', '.join(sorted(ahead))}"
        yield Problem(message=message, hint="see [order] first_wins in company.toml", place=rule.place, severity="warning")


def _values(db: Database, connection: str, rules: RuleSet, now: Instant) -> Iterator[Problem]:
    """Yield the texts that lines ask for and that no record has, each place once."""
    told: set[str] = set()
    texts: dict[str, set[str]] = {}
    for line in _lines(rules):
        fact = facts_of(rules).get(line.fact)
        asks = isinstance(line.phrase, OneOf | NotOneOf) and fact is not None and fact.type is FactType.TEXT
        if not asks or str(line.place) in told or fact is None or not isinstance(fact.source, Field):
            continue
        told.add(str(line.place))
        if line.fact not in texts:
            texts[line.fact] = set(db.execute(occurring(rules, connection, now, line.fact)).scalars())
        known = texts[line.fact]
        for text in line.phrase.values if isinstance(line.phrase, OneOf | NotOneOf) else ():
            if text not in known:
                hint = (
                    did_you_mean(text, known) or f"it is one of: {', '.join(sorted(known)[:SHOWN])}"
                    if known
                    else "it is never set"
                )
                message = f'no {fact.subject} of "{connection}" has {line.fact} "{text}"'
                yield Problem(message=message, hint=hint, place=line.place, severity="warning")


def _told(known: Iterable[str]) -> str:
    some = sorted(text for text in known if text)[:SHOWN]
    return f"it is one of: {', '.join(some)}" if some else "it is never set"


def _lines(rules: RuleSet) -> Iterator[Condition]:
    for rule in judged(rules):
        yield from all_lines(rule, rules)
    for segment in rules.segments:
        yield from segment.when


def _people(db: Database, connection: str, rules: RuleSet) -> Iterator[Problem]:
    """Yield who is named in `assign` or `escalate` and is nobody, or has left."""
    assignees = Assignees(People(users=directory.users(db, connection)))
    listed: dict[str, Rule | None] = defaultdict(lambda: None, dict.fromkeys(rules.company.assign))
    for rule in judged(rules):
        steps: Sequence[str] = (*rule.task.assign, *(rule.task.escalate.to if rule.task.escalate else ()))
        listed.update(dict.fromkeys(steps, rule))
    for step, named_by in listed.items():
        if step.startswith(("user:", "queue:")):
            user = assignees.named(step.partition(":")[2])
            if user is None or not user.active:
                message = f'"{step}" {"has left" if user else "is no user or queue"} in "{connection}"'
                hint = "nothing is given to them: the next in the list gets it"
                yield Problem(message=message, hint=hint, place=named_by.place if named_by else None, severity="warning")
