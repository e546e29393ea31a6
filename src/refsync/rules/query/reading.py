"""What a rule reads: the streams without which it cannot be judged, and how far back activities must be whole for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

from refsync.calendar import Duration
from refsync.model import Instant, Stream
from refsync.rules.facts.fact import Fact
from refsync.rules.facts.sources import Latest
from refsync.rules.facts.subjects import SUBJECTS
from refsync.rules.phrases import BetweenAgo, InLast, MoreThanAgo, NotInLast, Parameter
from refsync.rules.query.conditions import Conditions
from refsync.rules.rule import Condition, Kind, Rule, RuleSet, Suppression


def lines_of(rule: Rule) -> tuple[Condition, ...]:
    """Return every condition of a rule, those that close its task too."""
    return rule.when.lines + rule.unless + rule.needs + rule.task.close_when


def suppressions_of(rule: Rule, ruleset: RuleSet) -> list[Suppression]:
    """Return those that stop the rule or the one that speaks before it, and that its SELECT can see; none stops one about reps.

    Whether a person opted out is seen only of the contact that a rule is about; of others it is looked at when one is picked.
    """
    if rule.for_each == "rep":
        return []
    other = ruleset.rule(rule.otherwise)
    kinds: set[Kind] = {rule.kind, other.kind} if other else {rule.kind}
    seen = [found for found in ruleset.suppressions if rule.for_each == "contact" or not found.about_person]
    return [found for found in seen if kinds & found.stops]


def stopping(rule: Rule, ruleset: RuleSet, now: Instant) -> list[Suppression]:
    """Return the suppressions in force that stop this rule itself."""
    today = ruleset.company.calendar.day(now)
    found = (one for one in suppressions_of(rule, ruleset) if rule.kind in one.stops)
    return [one for one in found if one.until is None or one.until >= today]


def reads(rule: Rule, ruleset: RuleSet, facts: Mapping[str, Fact]) -> frozenset[Stream]:
    """Return the streams without which the rule cannot be judged."""
    found = (facts[line.fact].streams for line in all_lines(rule, ruleset) if line.fact in facts)
    return frozenset({Stream.ACCOUNTS, SUBJECTS[rule.for_each].stream}.union(*found))


def horizon(rule: Rule, ruleset: RuleSet, conditions: Conditions) -> Instant | None:
    """Return from when on the history of activities must be whole for this rule to be judged; None: it reads none.

    A line with `never` or `ever` looks at all there ever was: 0.
    """
    lines = [line for line in all_lines(rule, ruleset) if line.fact in conditions.facts]
    cuts = [cut for line in lines if is_touch_line(line, conditions.facts) for cut in _cuts(line, conditions)]
    measured = {name for line in lines for name in conditions.facts[line.fact].parameters}
    cuts += [conditions.cut_off(Parameter(name), segment) for name in measured for segment in conditions.segments]
    cuts += [conditions.calendar.ago(conditions.scope.now, back) for line in lines if (back := _looks_back(line, conditions))]
    return min(cuts, default=None)


def is_touch_line(line: Condition, facts: Mapping[str, Fact]) -> bool:
    """Return whether a line asks when somebody was in touch."""
    fact = facts.get(line.fact)
    return bool(fact and isinstance(fact.source, Latest) and Stream.ACTIVITIES in fact.streams)


def all_lines(rule: Rule, ruleset: RuleSet) -> Iterable[Condition]:
    """Return every condition of a rule and of what stops it."""
    return chain(lines_of(rule), *(suppression.when for suppression in suppressions_of(rule, ruleset)))


def _looks_back(line: Condition, conditions: Conditions) -> Duration | None:
    return conditions.facts[line.fact].looks_back


def _cuts(line: Condition, conditions: Conditions) -> list[Instant]:
    match line.phrase:
        case InLast(span) | NotInLast(span) | MoreThanAgo(span):
            segments = conditions.segments if isinstance(span, Parameter) else conditions.segments[:1]
            return [conditions.cut_off(span, segment) for segment in segments]
        case BetweenAgo(_, far):
            return [conditions.calendar.ago(conditions.scope.now, far)]
        case _:
            return [0]
