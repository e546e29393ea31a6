"""Facts of one's own: fields of the CRM that facts.toml names, and facts that packages register."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import orjson
import pytest
from sqlalchemy.dialects import postgresql

from refsync.company import custom_fields
from refsync.model import Stream, parse_instant
from refsync.rules.facts import own
from refsync.rules.facts.fact import Fact
from refsync.rules.facts.sources import Field, account
from refsync.rules.files.folder import check
from refsync.rules.phrases import FactType
from refsync.rules.query.columns import hidden
from refsync.rules.query.compile import compile_rule
from refsync.rules.rule import RuleSet
from tests.rules.mirror import CONNECTION, NOW, Mirror
from tests.rules.texts import about, about_accounts, rule

Rules = Callable[..., RuleSet]
FACTS = """
account.health = { field = { salesforce = "Health__c", hubspot = "health" }, values = ["green", "red"], meaning = "by support" }
account.seats = { field = "Seats__c", type = "number" }
account.vip = { field = "Vip__c", type = "yes/no" }
account.renewal = { field = "Renewal__c", type = "date" }
account.seen = { field = "Seen__c", type = "time" }
contact.active = { field = "Active__c", type = "yes/no" }
"""


@pytest.mark.parametrize(
    ("line", "values", "holds"),
    [
        ('account.health = "red"', {"Health__c": "red"}, True),
        ('account.health = "red"', {"health": "red"}, True),
        ('account.health = "red"', {"Health__c": "", "health": "red"}, True),
        ('account.health = { not = "red" }', {}, True),
        ('account.health = { contains = "EE" }', {"health": "green"}, True),
        ('account.seats = "at least 10"', {"Seats__c": "10.5"}, True),
        ('account.seats = "at least 10"', {"Seats__c": "9"}, False),
        ('account.seats = "less than 0"', {"Seats__c": "-1"}, True),
        ('account.seats = "at most 10"', {"Seats__c": "many"}, False),
        ('account.seats = "at most 10"', {"Seats__c": "1.2.3"}, False),
        ('account.seats = "at most 10"', {"Seats__c": "--1"}, False),
        ('account.seats = "at most 10"', {"Seats__c": "1-"}, False),
        ('account.seats = "at most 10"', {"Seats__c": "-1.5"}, True),
        ('account.seats = "at most 10"', {"Seats__c": ""}, False),
        ("account.vip = true", {"Vip__c": "True"}, True),
        ("account.vip = true", {"Vip__c": "maybe"}, False),
        ("account.vip = false", {"Vip__c": "maybe"}, True),
        ("account.vip = false", {}, True),
        ('account.renewal = "in the next 30 days"', {"Renewal__c": "2026-12-20"}, True),
        ('account.renewal = "in the next 30 days"', {"Renewal__c": "2026-12-21"}, False),
        ('account.renewal = "in the last 1 day"', {"Renewal__c": "2026-11-19"}, True),
        ('account.renewal = "never"', {"Renewal__c": "soon"}, True),
        *(
            ('account.renewal = "never"', {"Renewal__c": day}, True)
            for day in (
                "0000-00-00",
                "0001-01-01",
                "1899-12-31",
                "2026-13-01",
                "2026-02-29",
                "2026-04-31",
                "2026-11-00",
                "19xx-01-01",
            )
        ),
        ('account.renewal = "ever"', {"Renewal__c": "1900-01-01"}, True),
        ('account.renewal = "ever"', {"Renewal__c": "2024-02-29T00:00:00Z"}, True),
        ('account.seen = "in the last 2 hours"', {"Seen__c": "2026-11-20T07:00:00Z"}, True),
        ('account.seen = "in the last 2 hours"', {"Seen__c": "2026-11-20T06:59:59.000+0000"}, False),
        ('account.seen = "ever"', {"Seen__c": "2026-11-20T09:00:01Z"}, False),
        ('account.seen = "ever"', {"Seen__c": "2026-11-20T08:00:00+02:00"}, False),
        *(
            ('account.seen = "never"', {"Seen__c": f"{second}Z"}, True)
            for second in ("2026-02-30T08:00:00", "2026-11-19T24:00:00", "2026-11-19T08:60:00", "2026-11-19 08:00:00")
        ),
        ('account.seen = "ever"', {"Seen__c": "2026-11-19T23:59:59.999Z"}, True),
    ],
)
def test_fields_of_the_crm_are_facts(rules: Rules, mirror: Mirror, line: str, values: dict[str, str], *, holds: bool) -> None:
    """A field holds by its type; what does not read as that is unknown; of several fields the one that is there counts."""
    mirror.account(id="a", custom=orjson.dumps(values).decode() if values else None)
    loaded = rules(facts=FACTS, rule=about_accounts(line))

    assert mirror.matched(loaded, "rule") == (["a"] if holds else [])


def test_a_match_tells_them_as_values(rules: Rules, mirror: Mirror) -> None:
    """Numbers, days and yes/no come out as such, in texts too, and a fact of people works in rules about people."""
    values = {"Seats__c": "7", "Renewal__c": "2026-12-20", "Vip__c": "yes"}
    mirror.account(id="a", custom=orjson.dumps(values).decode())
    mirror.contact(id="p", account_id="a", custom='{"Active__c": "false"}')
    text = 'subject = "{account.seats} {account.renewal} {account.vip} {account.health}"'
    loaded = rules(facts=FACTS, rule=about("contact", "contact.active = false").replace('subject = "{account.name}"', text))
    [match] = mirror.matches(loaded, "rule")

    assert match.facts == {
        "contact.active": False,
        "account.seats": 7.0,
        "account.renewal": parse_instant("2026-12-20T00:00:00Z"),
        "account.vip": True,
        "account.health": None,
    }


def test_the_connector_is_asked_for_their_fields(rules: Rules) -> None:
    """Each connector is asked for its own field, and a rule is held while the CRM hides it."""
    loaded = rules(facts=FACTS, rule=about_accounts('account.health = "red"'))

    assert custom_fields(loaded.company, "hubspot")[Stream.ACCOUNTS] >= {"health", "Seats__c"}
    assert "Health__c" not in custom_fields(loaded.company, "hubspot")[Stream.ACCOUNTS]
    assert custom_fields(loaded.company, "salesforce")[Stream.CONTACTS] == {"Active__c"}
    conditions = compile_rule(rule(loaded), loaded, CONNECTION, NOW).conditions
    lacking = {Stream.ACCOUNTS: frozenset({"health", "Seats__c"})}
    assert hidden(rule(loaded), loaded, conditions, (), lacking) == {(Stream.ACCOUNTS, "health")}


def test_postgresql_casts_nothing_it_has_not_looked_at(rules: Rules) -> None:
    """On PostgreSQL the object is taken apart by its own operator and a number is cast only when it is one."""
    loaded = rules(facts=FACTS, rule=about_accounts('account.seats = "at least 1"\naccount.health = "red"'))
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    sql = str(compile_rule(rule(loaded), loaded, CONNECTION, NOW).statement.compile(dialect=dialect))

    assert "json_extract" not in sql
    assert "CAST(account.custom AS JSON) ->> " in sql
    assert "~ '^-?" in sql


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("account.seats", "account.tier", "account.tier is a fact already = give yours another name"),
        ("account.seats", "account.Seats", '"Seats" is no name for a fact'),
        ("account.seats", "acount.seats", 'there is no key "acount" here = did you mean "account"?'),
        ('"number"', '"numbr"', 'type is never "numbr" = did you mean "number"?'),
        ('"Seats__c"', '"Account.Seats__c"', '"Account.Seats__c" is no name of a field'),
        ('field = "Seats__c", ', "", '"field" is missing'),
        ("salesforce =", "salesfroce =", 'there is no connector "salesfroce" = did you mean "salesforce"?'),
        ("type = \"number\"", 'type = "number", values = ["1"]', "only a text has values to choose from"),
    ],
)  # fmt: skip
def test_mistakes_in_facts_toml_are_found(folder: Callable[..., Path], old: str, new: str, expected: str) -> None:
    """A line of facts.toml is checked like everything else."""
    found, problems = check(folder(facts=FACTS.replace(old, new, 1), rule=about_accounts('account.tier = "A"')))

    assert found is None
    assert [problem for problem in problems if f"error: {expected}" in str(problem)], [str(problem) for problem in problems]


def test_values_of_ones_own_are_checked(folder: Callable[..., Path]) -> None:
    """A value that facts.toml does not list is never true."""
    _, problems = check(folder(facts=FACTS, rule=about_accounts('account.health = "grean"')))

    assert ['account.health is never "grean"'] == [one.message for one in problems if one.severity == "error"]


SHOUTED = Fact(name="account.shouted", type=FactType.TEXT, meaning="its name", source=Field(lambda _scope: account.c.name))


def facts() -> list[Fact]:
    """What a package would name in its entry point."""
    return [SHOUTED]


def broken() -> list[Fact]:
    raise RuntimeError("no licence")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Give a function that installs an entry point for one test."""

    def install(name: str) -> None:
        point = EntryPoint(name="test", value=f"{__name__}:{name}", group=own.GROUP)
        monkeypatch.setattr(own, "entry_points", lambda group: [point] if group == own.GROUP else [])
        own.registered.cache_clear()

    yield install
    monkeypatch.undo()
    own.registered.cache_clear()


def test_a_package_registers_facts(rules: Rules, mirror: Mirror, installed: Callable[[str], None]) -> None:
    """A fact of an installed package reads and compiles like any other."""
    installed("facts")
    mirror.account(id="a", name="Acme")

    assert mirror.matched(rules(rule=about_accounts('account.shouted = "Acme"')), "rule") == ["a"]


def test_a_broken_package_is_told(folder: Callable[..., Path], installed: Callable[[str], None]) -> None:
    """What a package raises is a problem with its name, never a traceback."""
    installed("broken")
    _, problems = check(folder(rule=about_accounts('account.tier = "A"')))

    assert [one.message for one in problems if "no licence" in one.message]
