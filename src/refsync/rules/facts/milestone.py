"""The facts about milestones: what a customer reached, when, and where the CRM says so."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select

from refsync.model import Stream
from refsync.rules.facts.fact import TEXT, TIME, fact
from refsync.rules.facts.sources import Scope, Shown, linked, milestone, of
from refsync.store import tables

MILESTONE_KINDS = (
    "signed",
    "implemented",
    "roi",
    "thanked",
    "value added",
    "came by referral",
    "referred",
    "back in touch",
)
"""Those that rules may name; facts.toml can add more. `signed` is found from won deals, the others where facts.toml maps them."""


def person(_scope: Scope) -> ColumnElement[Any]:
    known = tables.contact.alias("person")
    where = linked(known, "id", milestone, "contact_id")
    return select(known.c.name).where(where).correlate(milestone).scalar_subquery()


MILESTONE_FACTS = (
    fact("milestone.kind", TEXT, of(milestone, "kind"), "what was reached", MILESTONE_KINDS, {Stream.DEALS}),
    fact("milestone.reached", TIME, of(milestone, "reached"), "when it was reached", streams={Stream.DEALS}),
    fact("milestone.evidence", TEXT, of(milestone, "evidence"), "where the CRM says so", streams={Stream.DEALS}),
    fact(
        "milestone.text",
        TEXT,
        Shown(lambda _scope: milestone.c.evidence),
        "what the CRM tells of it; as long as no field holds what was said, where it was read",
    ),
    fact("milestone.contact", TEXT, Shown(person), "the person of the milestone"),
)
