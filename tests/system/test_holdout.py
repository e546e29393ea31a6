"""A rule with a holdout, from the draw to what `refsync holdout` says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from refsync.model import moment, parse_instant
from refsync.rules.coverage.holdout import Side, compare
from refsync.store.tables import draw
from refsync_sandbox.generator import write_book
from tests.system.company import DAY, HOUR, RECONNECT, Company, Opens, call, customer
from tests.system.test_cli import NOW, Admin

CUSTOMERS = 40


def held_out(company: Company) -> Company:
    """Let half of what the rule wants go without a task, and nothing else be in the way."""
    limits = replace(company.rules.company.limits, per_rep_per_day=100, per_rep_per_week=100)
    rules = tuple(replace(rule, holdout=0.5) if rule.name == RECONNECT else rule for rule in company.rules.rules)
    company.rules = replace(company.rules, rules=rules, company=replace(company.rules.company, limits=limits))
    return company


def draws(company: Company) -> list[Any]:
    with company.store.read() as db:
        return list(db.execute(select(draw).where(draw.c.connection == "m").order_by(draw.c.account_id, draw.c.at)))


def test_what_a_rule_wants_is_drawn_once(opens: Opens) -> None:
    """Each match is on one side from the first run on; those on the other have their tasks, under the keys of their draws."""
    company = held_out(opens(*(one for number in range(CUSTOMERS) for one in customer(number))))
    company.tick(dry_run=True)
    assert [] == draws(company)
    company.tick(after=HOUR)
    first = draws(company)
    company.tick(after=DAY)

    assert first == draws(company)
    assert CUSTOMERS == len(first)
    assert {one.key for one in first if not one.left_out} == {found.key for found in company.findings()}
    assert 5 < sum(one.left_out for one in first) < CUSTOMERS - 5


def test_both_sides_are_drawn_before_any_limit(opens: Opens) -> None:
    """What a cap keeps back counts as wanted, as what was left out does: else the two would not be alike."""
    company = held_out(opens(*(one for number in range(CUSTOMERS) for one in customer(number))))
    limits = replace(company.rules.company.limits, per_rep_per_day=2)
    company.rules = replace(company.rules, company=replace(company.rules.company, limits=limits))
    company.tick()

    assert CUSTOMERS == len(draws(company))
    assert 2 == len(company.findings())


def test_what_waits_for_a_person_is_not_drawn_yet(opens: Opens) -> None:
    """Of a rule that goes live the first matches wait: neither side's time begins before they may have a task."""
    company = held_out(opens(*(one for number in range(10) for one in customer(number))))
    company.tick(approved=False)
    assert [] == draws(company)
    company.tick(after=HOUR)

    assert 10 == len(draws(company))


def test_the_next_lapse_is_drawn_anew(opens: Opens) -> None:
    """A customer who was in touch and went cold again is another match, and a conversation counts for the one before it."""
    company = held_out(opens(*customer()))
    company.tick()
    company.puts(call(company.now + 5 * DAY))
    company.tick(after=5 * DAY + HOUR)
    company.tick(after=60 * DAY)
    both = draws(company)
    with company.store.read() as db:
        (found,) = compare(lambda asked: [dict(row) for row in db.execute(asked).mappings()], company.rules, "m", company.now, 30)
    sides = [found.left_out if one.left_out else found.given for one in both[:1]]

    assert [1, 2] == [len({one.account_id for one in both}), len({one.key for one in both})]
    assert [Side(matches=1, came=1)] == sides
    assert 1 == found.young


@pytest.fixture
def admin(tmp_path: Path) -> Admin:
    """Return an admin whose rules are live and leave out half of the neglected customers."""
    write_book(tmp_path / "book", accounts=60, seed=2, now=moment(parse_instant(NOW)))
    admin = Admin(tmp_path)
    admin.refsync("init")
    admin.go_live()
    rule = tmp_path / "rules" / f"{RECONNECT}.toml"
    rule.write_text(rule.read_text().replace("mode     =", 'holdout  = "50%"\nmode     ='))
    return admin


def test_refsync_holdout_compares(admin: Admin) -> None:
    """An admin who leaves out half sees both sides once their days are over, and before that how many are on their way."""
    admin.refsync("sync", "--dry-run", "--now", NOW)
    assert "has left anybody out yet" in admin.refsync("holdout", "--now", NOW).stdout
    (done,) = admin.json("sync", "--now", NOW)["connections"]
    (young,) = admin.json("holdout", "--now", NOW)["connections"][0]["rules"]
    (found,) = admin.json("holdout", "--now", "2026-12-21T00:00:00Z")["connections"][0]["rules"]
    shown = admin.refsync("holdout", "--now", "2026-12-21T00:00:00Z").stdout

    assert (RECONNECT, "conversation") == (found["rule"], found["came"])
    assert found["without"]["matches"] == done["held_by"]["holdout"] > 2
    assert young["young"] == found["with_task"]["matches"] + found["without"]["matches"]
    assert (0, None, 0) == (found["young"], young["difference"], young["with_task"]["matches"])
    assert found["from"] <= found["difference"] <= found["to"]
    assert all(words in shown for words in (RECONNECT, "a conversation", "points", "may be chance"))


def test_a_plan_that_is_applied_draws(admin: Admin) -> None:
    """Whoever reviews plans before they are written compares as well as a daemon does."""
    (plan,) = admin.json("plan", "--now", NOW)["plans"]
    assert [] == admin.json("holdout", "--now", NOW)["connections"][0]["rules"]
    admin.refsync("apply", plan["id"], "--now", NOW)
    (found,) = admin.json("holdout", "--now", "2026-12-21T00:00:00Z")["connections"][0]["rules"]

    assert 0 < found["without"]["matches"]
    assert 0 < found["with_task"]["matches"]
