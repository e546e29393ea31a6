"""When deals were decided: what the org knows of their stages against the day that somebody planned."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from refsync.model import Deal, Stream, moment
from refsync_salesforce import translate
from refsync_salesforce.words import Terms
from tests.salesforce.sandboxed import NOW, Hands, mirror

WON = {"Id": "006000000000001AAA", "StageName": "Closed Won", "IsClosed": True, "IsWon": True}


@pytest.mark.parametrize(
    ("planned", "entered", "closed_on"),
    [
        ("2026-03-31", "2026-02-10T15:00:00.000+0000", "2026-02-10"),  # closed long before its planned day
        ("2026-02-11", "2026-02-10T23:30:00.000+0000", "2026-02-11"),  # that evening, or the next morning further east
        ("2026-02-12", "2026-02-10T23:30:00.000+0000", "2026-02-10"),
        ("2026-01-05", "2026-02-10T15:00:00.000+0000", "2026-01-05"),  # entered into the CRM afterwards
        ("2026-03-31", None, "2026-03-31"),  # not known of stages that are older than the field
        (None, "2026-02-10T15:00:00.000+0000", None),
    ],
)
def test_decided_no_later_than_its_stage_was_entered(planned: str | None, entered: str | None, closed_on: str | None) -> None:
    """A day that was only planned is not the day on which a deal was won: a thank-you would come months late."""
    found = translate.deal(WON | {"CloseDate": planned, "LastStageChangeDate": entered}, Terms())

    assert (None if closed_on is None else date.fromisoformat(closed_on)) == found.closed_on


def test_org_that_does_not_show_the_stage_change_is_believed() -> None:
    """Where the field is hidden, the closing day counts as it stands."""
    assert date(2026, 3, 31) == translate.deal(WON | {"CloseDate": "2026-03-31"}, Terms()).closed_on


def test_open_deal_has_no_day_of_decision() -> None:
    """An open deal's planned day and its latest stage are no decision."""
    row: dict[str, Any] = WON | {"IsClosed": False, "IsWon": False, "CloseDate": "2026-03-31"}

    assert translate.deal(row | {"LastStageChangeDate": "2026-02-10T15:00:00.000+0000"}, Terms()).closed_on is None


def test_deal_that_is_won_early_was_won_that_day(hands: Hands) -> None:
    """A rep wins a deal today that was planned for next year: today is when it was signed, whatever moves it later."""
    account = next(iter(hands.ids("accounts").values()))
    planned = {"Name": "Early", "AccountId": account, "StageName": "Prospecting", "CloseDate": "2027-06-30"}
    deal = hands.create("Opportunity", **planned)
    hands.later(hours=3)
    hands.update("Opportunity", deal, StageName="Closed Won")
    today = hands.sandbox.clock.now().date()
    hands.later(days=3)
    hands.update("Opportunity", deal, Name="Won early")
    hands.later(minutes=5)
    found = mirror(list(hands.connect().read(Stream.DEALS, None)))[deal]

    assert isinstance(found, Deal)
    assert ("Won early", today) == (found.name, found.closed_on)
    assert today == moment(int(NOW.timestamp() * 1000)).date()
