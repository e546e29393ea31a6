"""The budget of calls: where reading stops, what it says, and what is left for writing."""

from __future__ import annotations

from typing import Any

import pytest

from refsync.connector import Batch
from refsync.errors import ConnectorError
from refsync.model import Stream
from refsync_salesforce.budget import PAUSE, Budget, BudgetSpent
from refsync_salesforce.connector import SalesforceConnector
from refsync_salesforce.transport import Seen
from tests.salesforce.sandboxed import Hands, mirror


def read(connector: SalesforceConnector, stream: Stream, since: str | None = None) -> list[Batch]:
    return list(connector.read(stream, since))


def cursor(found: list[Batch], otherwise: str | None = None) -> str | None:
    return next((batch.cursor for batch in reversed(found) if batch.cursor is not None), otherwise)


def test_reading_stops_at_its_share_and_goes_on_later(hands: Hands) -> None:
    """At 80 % of the org's calls the stream is partial and says so; when calls are free again, the read goes on."""
    whole = mirror(read(hands.connect(), Stream.ACTIVITIES))
    connector = hands.connect(page_size=10)
    read(connector, Stream.USERS)
    hands.org({"do": "limit", "most": 1000, "used": 790})
    first = read(connector, Stream.ACTIVITIES)

    assert "of the 1000 API calls that the org has in 24 hours are used; reading (daily_share) ends at 80%" in first[-1].partial
    assert 0 < len(mirror(first)) < len(whole)

    hands.org({"do": "limit", "used": 100})
    later = hands.connect(page_size=10)
    rest = read(later, Stream.ACTIVITIES, cursor(first))
    assert whole == mirror([*first, *rest])
    assert "" == rest[-1].partial


def test_every_stream_is_partial_without_a_call(hands: Hands) -> None:
    """Once the budget is spent, no further stream costs a call, and each says why it has nothing new."""
    connector = hands.connect()
    cursors = {stream: cursor(read(connector, stream)) for stream in Stream}
    hands.org({"do": "limit", "most": 1000, "used": 850})
    read(connector, Stream.USERS, cursors[Stream.USERS])  # the org tells
    hands.calls()
    found = {stream: read(connector, stream, cursors[stream]) for stream in Stream}

    assert {} == hands.calls()
    assert all("ends at 80%" in batches[-1].partial for batches in found.values())


def test_refusal_of_the_org_ends_the_run_as_partial(hands: Hands) -> None:
    """Once the org itself refuses calls, every stream is partial and says why, nothing more is asked, and a later run goes on."""
    whole = mirror(read(hands.connect(), Stream.CONTACTS))
    connector = hands.connect(page_size=4)
    hands.trouble({"kind": "own", "name": "request_limit", "endpoint": "GET queryAll", "nth": 2})
    first = read(connector, Stream.CONTACTS)
    hands.calm()
    hands.calls()
    others = {stream: read(connector, stream)[-1].partial for stream in Stream}

    assert (4, {}) == (len(mirror(first)), hands.calls())
    assert all("API limit: the org's calls of the last 24 hours are used up" in reason for reason in others.values())
    rest = read(hands.connect(page_size=4), Stream.CONTACTS, cursor(first))
    assert whole == mirror([*first, *rest])


def test_refusal_is_believed_for_a_quarter_of_an_hour() -> None:
    """After that one call is made to learn whether the org has calls again."""
    early, late = Seen(refused="API limit", refused_at=1e12), Seen(refused="API limit", refused_at=-PAUSE)
    Budget(seen=late).check()

    with pytest.raises(BudgetSpent, match="API limit"):
        Budget(seen=early).check()


def test_calls_of_a_run_are_limited(hands: Hands) -> None:
    """With `calls_per_run` a run reads so far and says so; the next one, which begins with the users, goes on to the end."""
    whole = mirror(read(hands.connect(), Stream.CONTACTS))
    connector = hands.connect(page_size=4, calls_per_run=5, bulk_from=0)
    users = contacts = None
    found: list[Batch] = []
    for _run in range(20):
        users = cursor(read(connector, Stream.USERS, users), users)
        step = read(connector, Stream.CONTACTS, contacts)
        found += step
        contacts = cursor(step, contacts)
        if not step[-1].partial:
            break
        assert "calls of one run are used (calls_per_run)" in step[-1].partial

    assert "" == found[-1].partial
    assert whole == mirror(found)


def test_writing_has_a_reserve(hands: Hands) -> None:
    """Between 80 and 95 % nothing is read, and tasks are still found and written."""
    connector = hands.connect()
    writer = connector.tasks
    assert writer is not None
    hands.org({"do": "limit", "most": 1000, "used": 900})
    read(connector, Stream.USERS)
    assert read(connector, Stream.ACCOUNTS)[-1].partial

    assert 18 == len(connector.org)
    hands.org({"do": "limit", "most": 1000, "used": 960})
    again = hands.connect()
    assert 18 == len(again.org)
    with pytest.raises(ConnectorError, match="ends at 95%"):
        again.tasks  # noqa: B018 # it describes


@pytest.mark.parametrize(
    ("usage", "untold", "spent"),
    [((79, 100), 0, False), ((79, 100), 1, True), ((80, 100), 0, True), (None, 500, False), ((0, 0), 0, True)],
)
def test_calls_whose_replies_were_lost_count(usage: tuple[int, int] | None, untold: int, spent: bool) -> None:
    """The org's figure and what has left since are one sum; without a figure there is nothing to go by."""
    seen = Seen(usage=usage, untold=untold, usage_at=1e12)
    budget = Budget(seen=seen, share=0.8)
    if not spent:
        budget.check()
        return
    with pytest.raises(BudgetSpent) as caught:
        budget.check()
    assert PAUSE == caught.value.retry_after


def test_old_figure_is_asked_for_again() -> None:
    """A figure that is a quarter of an hour old does not stop the call that brings a new one."""
    seen: Any = Seen(usage=(100, 100), usage_at=-PAUSE)

    Budget(seen=seen).check()
