"""Who is chosen to talk to."""

from __future__ import annotations

import pytest

from refsync.company import Company
from refsync.rules.facts.people import people, pick
from tests.rules.mirror import CONNECTION, NOW, Mirror
from tests.rules.test_rules_texts import MATCH


def chosen(mirror: Mirror, *with_: str, milestone_contact: str | None = None) -> str | None:
    mirror.derive(Company())
    rows = mirror.rows(people(CONNECTION, ["a", "b"], NOW))
    person = pick(with_ or ("best contact",), MATCH._replace(contact_id=milestone_contact), rows)
    return person.name if person else None


def test_the_best_contact_had_the_latest_conversation(mirror: Mirror) -> None:
    """Conversations count before mere touches, recent ones before old, and those ahead not at all."""
    for name in ("Ada", "Ben", "Cleo"):
        mirror.contact(id=name, account_id="a")
    mirror.activity("2026-01-01", ["Cleo"], account_id="a")
    mirror.activity("2026-02-01", ["Ben"], account_id="a")
    mirror.activity("2026-12-01", ["Ada"], account_id="a")

    assert chosen(mirror) == "Ben"


def test_a_part_in_a_won_deal_decides_before_the_name(mirror: Mirror) -> None:
    """Among people never spoken to, the primary person of a won deal comes first, then the name, never the id."""
    for number, name in enumerate(("Zoe", "Ben", "Ada")):
        mirror.contact(id=f"{number}", name=name, account_id="a")

    assert chosen(mirror) == "Ada"

    mirror.add("deal", {"id": "won", "account_id": "a", "status": "won"})
    mirror.add("deal", {"id": "lost", "account_id": "a", "status": "lost"})
    mirror.add("deal_contact", {"deal_id": "won", "contact_id": "0", "is_primary": True})
    mirror.add("deal_contact", {"deal_id": "lost", "contact_id": "1", "is_primary": True})

    assert chosen(mirror) == "Zoe"


def test_the_first_of_the_list_who_is_there_is_chosen(mirror: Mirror) -> None:
    """The milestone's person, then a champion, then the best contact; nobody who opted out or works elsewhere now."""
    mirror.contact(id="mila", name="Mila", account_id="a")
    mirror.contact(id="chad", name="Chad", account_id="a")
    mirror.contact(id="ada", name="Ada", account_id="a")
    mirror.contact(id="moved", name="Moved", account_id="b")
    mirror.contact(id="out", name="Aaron", account_id="a", do_not_contact=True)
    mirror.add("deal", {"id": "d", "account_id": "a", "status": "open"})
    mirror.add("deal_contact", {"deal_id": "d", "contact_id": "chad", "role": "Champion"})
    mirror.add("deal_contact", {"deal_id": "d", "contact_id": "ada", "role": "User"})
    order = ("milestone.contact", "champion", "best contact")

    assert chosen(mirror, *order, milestone_contact="mila") == "Mila"
    assert chosen(mirror, *order, milestone_contact="moved") == "Chad"
    assert chosen(mirror, *order, milestone_contact="out") == "Chad"
    assert chosen(mirror, "milestone.contact", "best contact") == "Ada"
    assert chosen(mirror, "milestone.contact") is None


@pytest.mark.parametrize("opted_out", [None, False])
def test_not_known_to_have_opted_out_is_no_opt_out(mirror: Mirror, opted_out: bool | None) -> None:
    """A person whose opt-out is unknown may be chosen."""
    mirror.contact(id="Ada", account_id="a", do_not_contact=opted_out)

    assert chosen(mirror) == "Ada"


def test_nobody_known_is_nobody_chosen(mirror: Mirror) -> None:
    """An account without people gives no person."""
    assert chosen(mirror) is None
