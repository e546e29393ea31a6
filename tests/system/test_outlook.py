"""What `refsync why` says would come of a match: its task and for whom, or what keeps it back and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from refsync.finding import State
from refsync.model import Deal, moment
from refsync.sync.dry_run.outlook import Outlook, outlooks
from tests.system.company import ASK, DAY, FIRST, HOUR, NOW, RECONNECT, USERS, Company, Opens, call, customer, won


def told(company: Company, rule: str, account_id: str = "a1") -> list[Outlook]:
    """Return what would come of a rule's matches."""
    with company.store.read() as db:
        found = outlooks(db, "m", company.rules, account_id, company.now)
    return [one for (name, _subject), one in found.items() if name == rule]


def outlook(company: Company, rule: str) -> Outlook | None:
    """Return what would come of a rule's only match; None: nothing more does."""
    found = told(company, rule)
    assert len(found) < 2
    return found[0] if found else None


def test_a_match_says_whose_task_comes(opens: Opens) -> None:
    """What nothing keeps back gets its task; once that stands there is nothing to add."""
    company = opens(*customer())
    company.tick(dry_run=True)

    assert Outlook(task=RECONNECT, owner="Rita") == outlook(company, RECONNECT)
    company.tick()
    assert outlook(company, RECONNECT) is None


def test_an_ask_behind_a_reconnect_says_so(opens: Opens) -> None:
    """An ask of somebody who is not in touch leads to the task that comes first."""
    company = opens(*customer(silent=95), *won(date(2026, 11, 10)))
    company.tick(dry_run=True)

    assert Outlook(task=FIRST, owner="Rita") == outlook(company, ASK)
    assert outlook(company, RECONNECT) == Outlook(reason=f"order: {FIRST}")


def test_repetition_says_from_when(opens: Opens) -> None:
    """A task ticked off without a conversation may come again 30 days later."""
    company = opens(*customer())
    company.tick()
    company.crm.complete(company.only().key)
    company.tick(after=2 * DAY)

    assert State.DONE is company.state()
    assert Outlook(reason="repeat.after_done", starts=date(2026, 12, 23)) == outlook(company, RECONNECT)


def test_the_day_that_is_said_is_the_day(opens: Opens) -> None:
    """On the last day before it, nothing comes; on the day itself the task does."""
    company = opens(*customer())
    company.tick()
    company.crm.complete(company.only().key)
    company.tick(after=2 * DAY)
    said = outlook(company, RECONNECT)
    assert said is not None
    assert said.starts is not None
    left = (said.starts - date(2026, 11, 22)).days
    company.tick(after=(left - 1) * DAY)
    assert 1 == len(company.findings())
    company.tick(after=DAY)

    assert 2 == len(company.findings())


def test_an_ask_budget_says_from_when(opens: Opens) -> None:
    """Who was asked is not asked again for 180 days, though there is another milestone, and the day is named."""
    company = opens(*customer(silent=5), *won(date(2026, 11, 10)))
    company.tick()
    company.crm.complete(company.only(ASK).key)
    company.puts(*won(date(2026, 11, 12), name="second"), call(NOW + 9 * DAY))
    company.tick(after=10 * DAY)
    (before,) = company.findings(ASK)
    assert before.closed_at is not None
    free = moment(before.closed_at).date() + timedelta(days=181)

    assert Outlook(reason="repeat") in told(company, ASK)
    assert Outlook(reason="limits.ask.per_account_every", starts=free) in told(company, ASK)


def test_who_is_away_is_named(opens: Opens) -> None:
    """Where a task waits for somebody who is away, the answer says for whom."""
    company = opens(*customer(), replace(USERS[0], away_from=NOW - HOUR, away_until=NOW + 30 * DAY))
    company.rules = replace(company.rules, company=replace(company.rules.company, away="wait until back"))
    company.tick()

    assert Outlook(reason="assign.away", owner="Rita") == outlook(company, RECONNECT)


def test_the_cap_of_a_week_counts_from_monday(opens: Opens) -> None:
    """Late on Sunday a rep whose week is full since Monday gets nothing more, though that task was another customer's."""
    company = opens(*customer(2))
    limits = replace(company.rules.company.limits, per_rep_per_week=1)
    company.rules = replace(company.rules, company=replace(company.rules.company, limits=limits))
    company.tick(after=3 * DAY - 8 * HOUR)
    company.puts(*customer(1))
    company.tick(after=6 * DAY + 20 * HOUR)

    assert Outlook(owner="Rita", reason="limits.per_rep_per_week") == outlook(company, RECONNECT)
    company.now += 3 * HOUR
    assert Outlook(task=RECONNECT, owner="Rita") == outlook(company, RECONNECT)


def test_what_moved_to_another_customer_takes_its_past_along(opens: Opens) -> None:
    """A milestone about which somebody was asked does not lead to an ask again when its deal goes to another account."""
    deal, champion = won(date(2026, 11, 10))
    assert isinstance(deal, Deal)
    company = opens(*customer(1, silent=5), deal, champion, *customer(2, silent=5))
    company.tick()
    company.crm.complete(company.only(ASK).key)
    company.tick(after=HOUR)
    company.puts(replace(deal, account_id="a2"))
    company.tick(after=20 * DAY)

    assert [Outlook(reason="repeat")] == told(company, ASK, "a2")
