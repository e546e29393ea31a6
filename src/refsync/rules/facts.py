"""The fact registry: every fact a rule may read, with its type, its meaning and where it comes from.

One registry drives the SQL, the check of rule files and the listing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from refsync.model import AccountStatus, Stream
from refsync.rules import sources
from refsync.rules.phrases import FactType
from refsync.rules.sources import Count, Field, Filled, Latest, NextPlan, PlanCount, Shown, Source, account, milestone


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact: its name as rules write it, and how it is found."""

    name: str
    type: FactType
    meaning: str
    source: Source
    values: tuple[str, ...] = ()
    """The only texts it can have; empty: any."""
    streams: frozenset[Stream] = frozenset()
    """What must have been pulled for the fact to be true; accounts go without saying."""

    @property
    def subject(self) -> str:
        return self.name.partition(".")[0]

    @property
    def in_conditions(self) -> bool:
        return not isinstance(self.source, Shown | Filled)

    @property
    def of_account_row(self) -> bool:
        """Whether the account's own row says it: what segments may read."""
        return self.subject == "account" and isinstance(self.source, Field) and not self.streams


TIME, NUMBER, TEXT, YES_NO = FactType.TIME, FactType.NUMBER, FactType.TEXT, FactType.YES_NO
ACTIVITIES = frozenset({Stream.ACTIVITIES})
USERS = frozenset({Stream.USERS})
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
"""Those that rules may name; facts.toml can add more. Today `signed` and those that facts.toml maps are found."""


def _fact(
    name: str, kind: FactType, source: Source, meaning: str, values: Iterable[str] = (), streams: Iterable[Stream] = ()
) -> Fact:
    return Fact(name=name, type=kind, source=source, meaning=meaning, values=tuple(values), streams=frozenset(streams))


_ALL = (
    _fact("account.name", TEXT, sources.of(account, "name"), "the name of the account"),
    _fact("account.status", TEXT, sources.of(account, "status"), "what it is to us", [status.value for status in AccountStatus]),
    _fact("account.tier", TEXT, sources.of(account, "tier"), "how important it is, in your own words, for instance A, B or C"),
    _fact("account.industry", TEXT, sources.of(account, "industry"), "its industry, in the words of the CRM"),
    _fact("account.annual_revenue", NUMBER, sources.of(account, "annual_revenue"), "its own yearly revenue"),
    _fact("account.created", TIME, sources.of(account, "created_at"), "when the account was created in the CRM"),
    _fact("account.do_not_contact", YES_NO, sources.of(account, "do_not_contact"), "the account does not want to hear from us"),
    _fact("account.owner.name", TEXT, Field(sources.owner("name")), "the person of ours who owns the account", streams=USERS),
    _fact("account.owner.active", YES_NO, Field(sources.owner("active")), "whether that person still works here", streams=USERS),
    _fact(
        "account.last_touch",
        TIME,
        Latest(sources.touches),
        "the last touch of anyone of us with anyone there",
        streams=ACTIVITIES,
    ),
    _fact(
        "account.last_two_way",
        TIME,
        Latest(sources.two_way),
        "the last touch in which the customer took part",
        streams=ACTIVITIES,
    ),
    _fact("account.last_touch_kind", TEXT, Shown(sources.last_kind), "how the last touch was", streams=ACTIVITIES),
    _fact("account.last_touch_person", TEXT, Shown(sources.last_person), "with whom the last touch was", streams=ACTIVITIES),
    _fact(
        "account.last_ask", TIME, Latest(sources.asks), "when the last ask was done; one that is open counts from its first day"
    ),
    _fact("account.next_meeting", TIME, NextPlan(sources.meetings), "the next meeting that is not cancelled", streams=ACTIVITIES),
    _fact(
        "account.open_tasks",
        NUMBER,
        PlanCount(sources.open_tasks),
        "tasks that somebody still has to do for the account or its people; this rule's own do not count",
        streams={Stream.ACTIVITIES, Stream.CONTACTS},
    ),
    _fact(
        "account.open_escalations",
        NUMBER,
        Count(sources.open_escalations),
        "open escalated support cases",
        streams={Stream.CASES},
    ),
    _fact("account.open_deals", NUMBER, Count(sources.open_deals), "deals neither won nor lost", streams={Stream.DEALS}),
    _fact("milestone.kind", TEXT, sources.of(milestone, "kind"), "what was reached", MILESTONE_KINDS, {Stream.DEALS}),
    _fact("milestone.reached", TIME, sources.of(milestone, "reached"), "when it was reached", streams={Stream.DEALS}),
    _fact("milestone.evidence", TEXT, sources.of(milestone, "evidence"), "where the CRM says so", streams={Stream.DEALS}),
    _fact("milestone.contact", TEXT, Shown(sources.milestone_person), "the person of the milestone"),
    _fact("contact.name", TEXT, Filled(), "the person that `with` chose"),
    _fact("contact.last_touch", TIME, Filled(), "the last touch with that person"),
    _fact("contact.last_two_way", TIME, Filled(), "the last touch in which that person took part"),
    _fact("segment", TEXT, Filled(), "the segment of the account"),
    _fact("waiting.title", TEXT, Filled(), "in an `otherwise` task: the title of the rule that waits behind it"),
    _fact("ask_for", TEXT, Filled(), "which introduction to ask for"),
)

FACTS: Mapping[str, Fact] = MappingProxyType({fact.name: fact for fact in _ALL})
"""Every fact by its name."""

LATER = frozenset(
    [
        "account.country",
        "account.churn_risk",
        "account.arr",
        "account.parent",
        "account.divisions",
        "account.divisions_without_deal",
        "account.owner.manager",
        "account.came_by_referral",
        "account.last_introduction",
        "account.last_value_added",
        "account.reachable_people",
        "account.cold_people",
        "contact.role",
        "contact.involved_in",
        "contact.last_ask",
        "contact.next_meeting",
        "contact.active",
        "milestone.confirmed",
        "milestone.text",
    ]
)
"""Facts that are designed and not built: a rule that reads one is refused, not half understood."""

SUBJECTS_LATER = frozenset({"contact", "deal", "introduction", "rep"})
"""What a rule cannot be about yet."""
