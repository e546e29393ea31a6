"""Which of the org's own fields holds what, and what its own words mean. Pure values; defaults are the standard names."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from refsync.connector import Options
from refsync.model import AccountStatus, ActivityStatus, IntroductionStatus


def _lower(word: str) -> str:
    return word.strip().lower()


def _longest_first(table: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(table.items(), key=lambda entry: -len(entry[0])))


FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]  # not \w: its letters of all scripts take 7 MB
Word = Annotated[str, AfterValidator(_lower)]
AccountWords = Annotated[dict[Word, AccountStatus], AfterValidator(_longest_first)]
ActivityWords = dict[Word, ActivityStatus]


class Fields(Options):
    """Which Salesforce field holds what; a field the org does not show is simply not read."""

    account_status: FieldName = "Type"
    account_tier: FieldName = "Tier__c"
    account_do_not_contact: FieldName = "Do_Not_Contact__c"
    contact_do_not_contact: FieldName = "Do_Not_Contact__c"
    deal_referred_by: FieldName = "Referred_By__c"
    """A reference to the Contact who made the introduction."""
    lead_referred_by: FieldName = "Referred_By__c"
    """A reference to the Contact who introduced the person of a lead."""
    meeting_outcome: FieldName = "Outcome__c"
    task_key: FieldName = "refsync_key__c"
    """Text(64), external id, unique: where refsync keeps its key on a task."""


class Words(Options):
    """What the org's own words mean, whatever their case."""

    account_status: AccountWords = Field(
        default={
            "customer": AccountStatus.CUSTOMER,
            "prospect": AccountStatus.PROSPECT,
            "former": AccountStatus.FORMER,
        }
    )
    """By the beginning of the word; the longest beginning wins."""
    call_result: ActivityWords = Field(default={"no answer": ActivityStatus.NO_SHOW, "bounced": ActivityStatus.BOUNCED})
    meeting_outcome: ActivityWords = Field(
        default={
            "completed": ActivityStatus.DONE,
            "planned": ActivityStatus.PLANNED,
            "cancelled": ActivityStatus.CANCELLED,
            "canceled": ActivityStatus.CANCELLED,
            "no show": ActivityStatus.NO_SHOW,
        }
    )
    introduction_status: dict[Word, IntroductionStatus] = Field(
        default={
            "open - not contacted": IntroductionStatus.NEW,
            "working - no answer": IntroductionStatus.NO_ANSWER,
            "working - contacted": IntroductionStatus.IN_CONTACT,
            "closed - not converted": IntroductionStatus.DECLINED,
        }
    )
    """What the status of a lead means; a converted one is `met` whatever it says."""
    cancelled_task: frozenset[Word] = frozenset({"cancelled", "canceled"})
    """The closed task statuses that mean that it did not take place."""


MARKER = "CallObject"
"""Where our key stands in an org without the key field: a text of 255 characters that can be filtered, free on tasks that are no
calls, and not subject to field permissions."""


class Terms(Options):
    """How one org speaks."""

    fields: Fields = Fields()
    words: Words = Words()
    marker: bool = False
    """Whether our key may stand in CallObject."""
