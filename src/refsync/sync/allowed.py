"""What a run may write without asking: what people approved, what waits for them, what they paused.

Law: what a rule matches in the first run that can judge it live is noted, and held until a person decides; of rules about thanks
it is refused, for nobody is thanked for last year's referral by surprise. A rule that is no longer live is forgotten, so that
going live again is going live. A first match that no longer matches is like any other from then on.
"""

from __future__ import annotations

from collections.abc import Mapping

from refsync.plan import Approval
from refsync.rules.rule import Kind, Match, Mode, Rule
from refsync.store import mirror
from refsync.store.decisions import approvals, pauses, plans
from refsync.store.decisions.approvals import First
from refsync.store.engine import Database
from refsync.sync.evaluate import Judged, held_rules, judged, matches_of_each
from refsync.sync.run import Run

REASONS = {First.HELD: "approve.existing", First.REFUSED: "approve.none"}


def allowed(run: Run, *, everything: bool) -> Approval:
    """Return what people decided about this run's tasks, after noting which rules are live for the first time.

    With `everything` whoever started the run has approved it: nothing is held, now or later.
    """
    new = _first_matches(run)
    live = {name for rule in judged(run.rules) if rule.mode is Mode.LIVE for name in rule.names}
    with run.write() as db:
        approvals.forget(db, run.connection, approvals.seen(db, run.connection).keys() - live)
        for rule, matches in new:
            state = First.REFUSED if rule.kind is Kind.THANKS else First.HELD
            subjects = [] if everything else [match.subject_id for match in sorted(matches, key=_age)]
            approvals.note(db, run.connection, rule.name, run.now, subjects, state)
    return _approval(run, everything=everything)


def settle(run: Run, found: Judged) -> None:
    """Forget first matches that no longer match."""
    with run.store.read() as db:
        noted = _firsts(db, run)
    gone = {
        name: set(subjects) - {match.subject_id for match in found.matches[rule]}
        for (name, rule), subjects in noted.items()
        if rule in found.matches and rule not in found.held_rules
    }
    if any(gone.values()):
        with run.write() as db:
            for name, subjects in gone.items():
                approvals.ended(db, run.connection, name, subjects)


def _first_matches(run: Run) -> list[tuple[Rule, tuple[Match, ...]]]:
    """Return the rules that are live for the first time and can be judged, with what they match."""
    with run.store.read() as db:
        seen = approvals.seen(db, run.connection).keys()
        live = [rule for rule in judged(run.rules) if rule.mode is Mode.LIVE and seen.isdisjoint(rule.names)]
        held = held_rules(run, mirror.state(db, run.connection)) if live else {}
    asked = [rule for rule in live if rule.name not in held]
    with run.store.read_abreast() as abreast:
        found = matches_of_each(abreast, asked, run.rules, run.connection, run.now)
    return [(rule, found[rule.name].result()) for rule in asked]


def _approval(run: Run, *, everything: bool) -> Approval:
    company = run.rules.company
    since = company.calendar.ago(run.now, company.limits.plan_lasts)
    with run.store.read() as db:
        firsts = {(rule, subject): state for (_, rule), of in _firsts(db, run).items() for subject, state in of.items()}
        waiting = {where: REASONS[state] for where, state in firsts.items() if state in REASONS}
        keys = plans.approved_keys(db, run.connection, run.rules.digest, since)
        there = approvals.unknown_keys(db, run.connection) if waiting else frozenset()
        again = approvals.allowed_again(db, run.connection)
        paused = frozenset(pauses.of(db, run.connection)) - {""}
    return Approval(
        everything=everything,
        keys=keys | there,
        passed=frozenset(where for where, state in firsts.items() if state is First.PASSED),
        waiting=waiting,
        paused=paused,
        again=again,
    )


def _firsts(db: Database, run: Run) -> dict[tuple[str, str], Mapping[str, First]]:
    """Return the first matches by the name under which they were noted and the rule's present one."""
    found = approvals.firsts(db, run.connection)
    named = ((name, run.rules.rule(name)) for name in found)
    return {(name, rule.name): found[name] for name, rule in named if rule}


def _age(match: Match) -> tuple[float, float, str, str]:
    """Order matches by how long they have been waiting, the longest first."""
    return (-match.score, -(match.revenue or 0.0), match.account_name, match.subject_id)
