"""The fact registry: every fact a rule may read, by its name.

One registry drives the SQL, the check of rule files and the listing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from refsync.rules.facts.account import ACCOUNT_FACTS
from refsync.rules.facts.contact import CONTACT_FACTS
from refsync.rules.facts.deal import DEAL_FACTS
from refsync.rules.facts.fact import TEXT, Fact, fact
from refsync.rules.facts.introduction import INTRODUCTION_FACTS
from refsync.rules.facts.milestone import MILESTONE_FACTS, MILESTONE_KINDS
from refsync.rules.facts.own import own_fact, registered
from refsync.rules.facts.rep import REP_FACTS
from refsync.rules.facts.sources import Filled
from refsync.rules.rule import OwnFact, RuleSet

__all__ = ["FACTS", "LATER", "MILESTONE_KINDS", "PERSON_FACTS", "Fact", "facts_of", "known_facts"]

_FILLED = (
    fact("segment", TEXT, Filled(), "the segment of the account"),
    fact("waiting.title", TEXT, Filled(), "in an `otherwise` task: the title of the rule that waits behind it"),
    fact("ask_for", TEXT, Filled(), "which introduction to ask for"),
)

FACTS: Mapping[str, Fact] = MappingProxyType(
    {
        one.name: one
        for one in (*ACCOUNT_FACTS, *CONTACT_FACTS, *DEAL_FACTS, *MILESTONE_FACTS, *INTRODUCTION_FACTS, *REP_FACTS, *_FILLED)
    }
)
"""Every fact by its name."""


def facts_of(ruleset: RuleSet) -> Mapping[str, Fact]:
    """Return every fact that a folder of rules may read, by its name: refsync's, a package's, and those of facts.toml."""
    return known_facts(ruleset.own_facts)


def known_facts(own: Iterable[OwnFact] = ()) -> Mapping[str, Fact]:
    """Return refsync's facts, those that packages register, and those of one's own."""
    found, _problems = registered(frozenset(FACTS))
    return {**FACTS, **found, **{one.name: own_fact(one) for one in own}}


PERSON_FACTS = ("contact.name", "contact.title", "contact.role", "contact.last_touch", "contact.last_two_way")
"""What texts may say of the person whom `with` chose, whatever the rule is about."""

_OWN = "refsync does not read it: name your CRM's field for it in facts.toml"
_UNTOLD = "no field of a CRM says it"
LATER: Mapping[str, str] = MappingProxyType(
    {
        "account.country": _OWN,
        "account.churn_risk": _OWN,
        "account.arr": _OWN,
        "contact.active": _OWN,
        "milestone.confirmed": _UNTOLD,
    }
)
"""Facts that are designed and without data: a rule that reads one is refused, with what to do."""
