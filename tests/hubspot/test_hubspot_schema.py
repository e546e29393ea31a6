"""Properties that vanish, and properties that come: said in time, and read anew."""

from __future__ import annotations

from typing import Any

import pytest

from refsync.model import Account, Stream
from tests.hubspot.conftest import seen
from tests.hubspot.raw import row
from tests.hubspot.small_book import CUSTOM, Connect, MirrorOf

NAMED = {"properties": {"tier": "grade"}}
DAY = 24 * 60


def define(portal: Any, name: str, kind: str = "companies") -> None:
    """Define a property as an admin would."""
    group = {"companies": "companyinformation"}[kind]
    portal.post(
        f"/crm/v3/properties/{kind}", {"name": name, "label": name, "groupName": group, "type": "string", "fieldType": "text"}
    )


def test_what_the_portal_lacks_is_said_in_the_first_batch(portal: Any, connect_to: Connect) -> None:
    """Custom fields of rules and properties that the admin named are lacking; refsync's own default names are not."""
    custom = {Stream.ACCOUNTS: frozenset({"implemented_on", "went_live"})}
    first = next(connect_to(portal.url, custom=custom, **NAMED).read(Stream.ACCOUNTS, None))
    defaults = next(connect_to(portal.url).read(Stream.CASES, None))

    assert [frozenset({"went_live", "tier"}), frozenset()] == [first.lacking, defaults.lacking]


def test_definitions_are_read_once_a_day(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """Between two looks nothing is asked; a vanished property is noticed the next day, though no record changed."""
    mirror = mirror_of(connect_to(portal.url, custom=CUSTOM))
    mirror.read(Stream.ACCOUNTS)
    portal.delete("/crm/v3/properties/companies/implemented_on")
    portal.calls()
    portal.later(minutes=90)
    mirror.read(Stream.ACCOUNTS)
    asked = sum("properties" in name for name in portal.calls())
    early = mirror.lacking[Stream.ACCOUNTS]
    portal.later(minutes=DAY)
    mirror.read(Stream.ACCOUNTS)

    assert (0, frozenset(), frozenset({"implemented_on"})) == (asked, early, mirror.lacking[Stream.ACCOUNTS])


def test_row_without_its_property_is_noticed_before_it_is_stored(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """HubSpot leaves unknown properties out without a word: before such a row empties a field, the rules are held."""
    mirror = mirror_of(connect_to(portal.url, custom=CUSTOM))
    mirror.read(Stream.ACCOUNTS)
    portal.delete("/crm/v3/properties/companies/implemented_on")
    portal.change({"op": "change", "table": "accounts", "id": "A1", "set": {"name": "Acme New"}})
    portal.later(minutes=5)
    batches = mirror.read(Stream.ACCOUNTS)

    assert [frozenset({"implemented_on"}), None] == [batch.lacking for batch in batches]
    assert "Acme New" == mirror.held[Stream.ACCOUNTS][portal.ids("accounts")["A1"]].name


def test_property_that_comes_back_is_read_anew(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """When what lacked is there, every record is read again: nothing else brings the values of those that did not change."""
    mirror = mirror_of(connect_to(portal.url, custom={Stream.ACCOUNTS: frozenset({"went_live"})}))
    mirror.read(Stream.ACCOUNTS)
    lacking = mirror.lacking[Stream.ACCOUNTS]
    define(portal, "went_live")
    portal.later(minutes=15)
    batches = mirror.read(Stream.ACCOUNTS)

    assert ({"went_live"}, set()) == (lacking, mirror.lacking[Stream.ACCOUNTS])
    assert 2 == sum(len(batch.records) for batch in batches)


def test_what_lacks_is_looked_for_and_said_when_that_changes(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A read without rows asks for the definitions of a type that lacks something, and says in one empty batch what is new."""
    mirror = mirror_of(connect_to(portal.url, custom={Stream.ACCOUNTS: frozenset({"went_live", "left"})}))
    mirror.read(Stream.ACCOUNTS)
    portal.later(minutes=90)
    portal.calls()
    same = mirror.read(Stream.ACCOUNTS)
    asked = sum(times for name, times in portal.calls().items() if "properties" in name)
    define(portal, "left")
    portal.later(minutes=90)
    changed = mirror.read(Stream.ACCOUNTS)

    assert (1, [None]) == (asked, [batch.lacking for batch in same])
    assert (frozenset({"went_live"}), ()) == (changed[0].lacking, changed[0].records)


def test_field_that_rules_begin_to_read_is_read_of_every_record(portal: Any, connect_to: Connect, mirror_of: MirrorOf) -> None:
    """A new rule's custom field is filled at once for all records, not only for those that change."""
    before = mirror_of(connect_to(portal.url))
    before.read(Stream.ACCOUNTS)
    after = mirror_of(connect_to(portal.url, custom=CUSTOM))
    after.cursors = before.cursors
    portal.later(minutes=90)
    after.read(Stream.ACCOUNTS)

    assert {"implemented_on": "2024-02-01"} == after.held[Stream.ACCOUNTS][portal.ids("accounts")["A1"]].custom


@pytest.mark.parametrize("there", [True, False])
def test_property_left_out_is_looked_for_once_a_read(connect_to: Connect, stub: Any, there: bool) -> None:
    """Whether it is lacking is decided by its definition alone, and asked at most once however many batches lack it."""
    cursor = seen(Stream.ACCOUNTS, "2024-09-30T11:00:00Z", {"went_live": True})
    stub.will({"portalId": 1})
    stub.will({"total": 1, "results": [row("5")]})
    stub.will({"results": [row("5", name="Acme")]})
    stub.will({"results": [{"name": name} for name in ("name", *(["went_live"] if there else []))]})
    connector = connect_to(stub.url, custom={Stream.ACCOUNTS: frozenset({"went_live"})})
    batches = list(connector.read(Stream.ACCOUNTS, cursor))

    assert there == ("went_live" not in (batches[0].lacking or ()))
    assert ["Acme"] == [record.name for batch in batches for record in batch.records if isinstance(record, Account)]


def test_definitions_that_may_not_be_seen_hold_nothing(connect_to: Connect, stub: Any) -> None:
    """A token without the schema scope reads all the same; nothing is called lacking that is only unseen."""
    stub.will({"portalId": 1})
    stub.will({"category": "MISSING_SCOPES", "context": {"requiredGranularScopes": ["crm.schemas.companies.read"]}}, 403)
    stub.will({"results": [row("5", name="Acme")]})
    batches = list(connect_to(stub.url).read(Stream.ACCOUNTS, None))

    assert frozenset() == batches[0].lacking
    assert ["Acme"] == [record.name for batch in batches for record in batch.records if isinstance(record, Account)]
