"""How SQLite carries the SELECTs out: never a walk through a table for each account."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.dialects import postgresql, sqlite

from refsync.company import Company
from refsync.rules.facts.fact import fact
from refsync.rules.facts.people import people
from refsync.rules.facts.plans import meetings
from refsync.rules.facts.registry import FACTS
from refsync.rules.facts.sources import NextPlan, Scope, Tally, account
from refsync.rules.facts.subjects import SUBJECTS
from refsync.rules.files.folder import load
from refsync.rules.phrases import FactType
from refsync.rules.query.compile import compile_rule
from refsync.rules.query.values import Values
from refsync.rules.rule import RuleSet
from refsync.rules.why.evidence import ignored, touches
from refsync.store.database.statistics import tell
from tests.rules.mirror import CONNECTION, NOW, Mirror
from tests.rules.texts import about

SHIPPED = Path(__file__).parents[2] / "rules"
LINES = {
    FactType.TIME: [
        '"in the last {reconnect_after}"',
        '"not in the last 30 days"',
        '"more than 30 days ago"',
        '"never"',
        '"ever"',
    ],
    FactType.NUMBER: ['"at least 1"', "0", '"at least 3"'],
    FactType.TEXT: ['"signed"', '{ not = "signed" }'],
    FactType.YES_NO: ["true", "false"],
}
AHEAD = ['"ever"', '"never"', '"in the next 3 days"']

Step = tuple[str, bool]
"""What SQLite does, and whether it does so again for each row of something else."""


def plan_of(mirror: Mirror, sql: str) -> list[Step]:
    repeated, last_loop, found = {0: False}, dict[int, str](), list[Step]()
    for number, parent, _, step in mirror.db.execute(text("EXPLAIN QUERY PLAN " + sql.replace(":", "\\:"))):
        is_loop = bool(re.match(r"SCAN|SEARCH", step))
        repeated[number] = repeated[parent] or step.startswith("CORRELATED")
        found.append((step, repeated[number] or (is_loop and parent in last_loop)))
        if is_loop:
            last_loop[parent] = step
    return found


def walks(plan: list[Step]) -> list[str]:
    """Return the steps that read a whole table, or a whole connection of it, once per row of something else."""
    whole = re.compile(r"SCAN (?!CONSTANT)|.*\(connection=\?\)( LEFT-JOIN)?$")
    return [step for step, again in plan if again and whole.match(step)]


def detours(plan: list[Step]) -> list[str]:
    """Return the steps that read a whole connection in the order of an index, and seek each row."""
    return [step for step, _again in plan if re.search(r" USING INDEX \w+ \(connection=\?\)", step)]


def sql_of(rules: RuleSet, name: str, *, brief: bool = False, accounts: tuple[str, ...] = ()) -> str:
    rule = rules.rule(name)
    assert rule is not None
    statement = compile_rule(rule, rules, CONNECTION, NOW, brief=brief, accounts=accounts).statement
    statement = statement.where(account.c.id.in_(accounts)) if accounts else statement
    return str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))


@pytest.mark.parametrize("known", ["nothing", "told", "measured"])
@pytest.mark.parametrize("name", [rule.name for rule in load(SHIPPED).rules])
def test_shipped_rules_seek(mirror: Mirror, name: str, known: str) -> None:
    """No shipped rule walks through a table for each account, whatever SQLite knows; told, none takes a way round by an index."""
    rules = load(SHIPPED)
    if known == "measured":
        for number in range(50):
            mirror.account(id=f"a{number}")
            mirror.activity("2026-10-01", account_id=f"a{number}", kind="task")
        mirror.db.execute(text("ANALYZE"))
    elif known == "told":
        tell(mirror.db)

    assert [] == walks(plan_of(mirror, sql_of(rules, name)))
    assert known != "told" or [] == detours(plan_of(mirror, sql_of(rules, name, brief=True)))


@pytest.mark.parametrize(
    "name", [name for name, fact in FACTS.items() if fact.in_conditions and not isinstance(fact.source, NextPlan)]
)
def test_each_fact_seeks(rules: Callable[..., RuleSet], mirror: Mirror, name: str) -> None:
    """No fact in any phrase walks through a table for each account."""
    loaded = in_every_phrase(rules, name)

    for rule in loaded.rules:
        assert walks(plan_of(mirror, sql_of(loaded, rule.name))) == [], str(rule.when)


@pytest.mark.parametrize("name", [name for name, fact in FACTS.items() if fact.in_conditions and fact.subject != "rep"])
def test_each_fact_of_one_account_seeks(rules: Callable[..., RuleSet], mirror: Mirror, name: str) -> None:
    """Asked about one account, no fact in any phrase reads more than rows of that account, or what was found of it."""
    tell(mirror.db)
    loaded = in_every_phrase(rules, name)

    for rule in loaded.rules:
        plan = plan_of(mirror, sql_of(loaded, rule.name, accounts=("a",)))
        reading = [step for step, _again in plan if re.match(r"SCAN|SEARCH", step)]
        assert [step for step in reading if not re.search(r"id=\?|of=\?|SCAN (anon|plan)_\d|SCAN known", step)] == [], str(
            rule.when
        )


def in_every_phrase(rules: Callable[..., RuleSet], name: str) -> RuleSet:
    """Return rules with a fact in each phrase that it may have; the lengths differ by segment."""
    fact = FACTS[name]
    values = [f'"{fact.values[0]}"'] if fact.values and name != "milestone.kind" else LINES[fact.type]
    values = AHEAD if isinstance(fact.source, NextPlan) else values
    subject = fact.subject if fact.subject in SUBJECTS else "account"
    lengths = 'reconnect_after = "{} days", touch_people = "60 days", long_silence = "{} years"'
    first, other = lengths.format(30, 2), lengths.format(60, 3)  # apart, so that each cut-off speaks of the account
    segments = f'[segment]\na = {{ when = {{ account.tier = "A" }}, {first} }}\nb = {{ when = {{}}, {other} }}'
    phrases = {f"rule_{number}": about(subject, f"{name} = {value}") for number, value in enumerate(values)}
    return rules(segments=segments, **phrases)


def test_plans_are_found_by_their_index(mirror: Mirror) -> None:
    """Open tasks and meetings ahead come from the small index of plans alone, not from the activities themselves."""
    plan = plan_of(mirror, sql_of(load(SHIPPED), "reconnect-neglected-customer"))
    reading = [step for step, _again in plan if re.match(r"(SCAN|SEARCH) activity ", step)]

    assert reading
    assert all("COVERING INDEX activity_plan" in step for step in reading)


def test_plans_of_one_account_are_sought_from_it(mirror: Mirror) -> None:
    """For one account SQLite reads its own activities, those of its deals and of its people: never all that have no account."""
    plan = plan_of(mirror, sql_of(load(SHIPPED), "reconnect-neglected-customer", brief=True, accounts=("a",)))
    by_index = {match[1] for step, _again in plan if (match := re.match(r"SEARCH activity USING INDEX (\w+) ", step))}
    own = [step for step, _again in plan if "activity_account" in step]

    assert by_index == {"activity_account", "activity_deal", "sqlite_autoindex_activity_1"}
    assert len(own) == 2, "once for open tasks, once for meetings"


def test_the_activities_of_one_account_are_sought(mirror: Mirror) -> None:
    """What `refsync why` says of touches and of what does not count it seeks by ids of the account, its deals and its people."""
    tell(mirror.db)
    for statement in (touches(CONNECTION, "a", NOW), ignored(CONNECTION, "a", NOW)):
        plan = plan_of(mirror, str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})))
        reading = [step for step, _again in plan if re.match(r"SCAN|SEARCH", step)]
        assert reading
        assert [step for step in reading if "id=?" not in step] == []

    assert any("activity_deal" in step for step in reading), "a deal's activities, not all that have no account"


def test_people_are_sought(mirror: Mirror) -> None:
    """The people of some accounts are found without walking through touches or deals."""
    statement = people(CONNECTION, ["a", "b"], NOW)
    plan = plan_of(mirror, str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})))

    assert walks(plan) == []
    assert "contact_account" in plan[0][0]


@pytest.mark.parametrize("name", ["reconnect-neglected-customer", "ask-referral-after-milestone"])
def test_statements_are_plain_on_postgresql(name: str) -> None:
    """SQLite's hints stay in SQLite, and no form that engines disagree about is used."""
    rules = load(SHIPPED)
    rule = rules.rule(name)
    assert rule is not None
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    sql = str(compile_rule(rule, rules, CONNECTION, NOW).statement.compile(dialect=dialect))

    assert "likelihood" not in sql
    assert not re.search(r"IS (NOT )?(TRUE|FALSE)|LATERAL|FILTER|DISTINCT ON|ARRAY", sql)


@pytest.mark.parametrize(("name", "joined"), [("ask-referral-after-milestone", True), ("reconnect-neglected-customer", False)])
def test_what_keeps_an_account_away_is_asked_after_the_join(name: str, joined: bool) -> None:
    """The veto speaks of both tables where there are two: PostgreSQL asks it of no account without a subject."""
    assert ("AND (account.connection != milestone.connection OR NOT (" in sql_of(load(SHIPPED), name)) is joined


def test_postgresql_seeks_the_activities_of_an_account_that_do_not_count(engines: Mapping[str, Connection]) -> None:
    """What `refsync why` says of one account among many is sought: it reads neither all activities nor all their links."""
    if not (db := engines.get("postgresql")):
        pytest.skip("no PostgreSQL here")
    many = {
        "account (connection, id, name, tier, industry)": "'many', n, '', '', ''",
        "contact (connection, id, account_id, name, email, phone, title)": "'many', n, n, '', '', '', ''",
        "account_contact (connection, id, account_id, contact_id, role)": "'many', n, n, n + 1, ''",
        "activity (connection, id, kind, account_id, at, subject, automated, task_key, not_touch)": (
            "'many', n, 'call', n % 3000, n, '', false, '', ''"
        ),
        "activity_contact (connection, activity_id, contact_id)": "'many', n, n % 3000",
    }
    for table, values in many.items():
        db.execute(text(f"INSERT INTO {table} SELECT {values} FROM generate_series(1, 30000) n"))
    db.execute(text("ANALYZE"))
    sql = str(ignored("many", "7", NOW).compile(dialect=db.dialect, compile_kwargs={"literal_binds": True}))
    plan = "\n".join(db.execute(text("EXPLAIN " + sql)).scalars())
    db.rollback()

    assert "Index Scan using activity_pkey" in plan
    assert "Seq Scan on activity" not in plan, plan


def test_a_count_and_a_next_one_of_the_same_rows_are_two_plans() -> None:
    """Facts of different kinds that are worked out from the same rows do not take each other's values."""
    facts = {
        "many": fact("many", FactType.NUMBER, Tally(meetings), "how many"),
        "next": fact("next", FactType.TIME, NextPlan(meetings), "the next one"),
    }
    values = Values(Scope(connection=CONNECTION, now=NOW, company=Company()), facts)

    columns = [str(values.of(name)) for name in facts]

    assert ["coalesce(plan_0.value, :coalesce_1)", "plan_1.value"] == columns
