"""What an org refuses of a task, and what comes of it: said in the CRM's words, sent again, or no more writing at all."""

from __future__ import annotations

from typing import Any

import pytest

from refsync.connector import OutcomeKind
from refsync.errors import UnexpectedReply
from tests.salesforce.sandboxed import Hands
from tests.salesforce.wanted import wanted, writer

RULE = {"do": "add_rule", "object": "Task", "when": "Subject = 'Call Ann'", "message": "Ann is on leave", "field": "Subject"}
FIELD = {"do": "add_field", "object": "Task", "field": "Reason__c"}
REQUIRED = {"do": "alter_field", "object": "Task", "field": "Reason__c", "required": True}


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([RULE], "FIELD_CUSTOM_VALIDATION_EXCEPTION: Ann is on leave"),
        ([FIELD, REQUIRED], "REQUIRED_FIELD_MISSING"),
        (
            [{"do": "alter_field", "object": "Task", "field": "Description", "createable": False}],
            "INVALID_FIELD_FOR_INSERT_UPDATE",
        ),
    ],
)
def test_refused_task_is_rejected_in_the_crm_s_words(hands: Hands, steps: list[dict[str, Any]], words: str) -> None:
    """What a person has to mend is a rejection of that task, with the words of the org."""
    hands.org(*steps)
    (outcome,) = writer(hands).create([wanted(hands)])

    assert OutcomeKind.REJECTED is outcome.kind
    assert words in outcome.reason


def test_only_the_refused_task_is_rejected(hands: Hands) -> None:
    """A rule that one task breaks leaves its neighbours alone."""
    hands.org(RULE)
    tasks = [wanted(hands, 1, subject="Call Bea"), wanted(hands, 2), wanted(hands, 3, subject="Call Cid")]
    outcomes = writer(hands).create(tasks)

    assert [OutcomeKind.WRITTEN, OutcomeKind.REJECTED, OutcomeKind.WRITTEN] == [outcome.kind for outcome in outcomes]


def test_owner_who_left_is_refused(hands: Hands) -> None:
    """A task is never given to a user who is no longer active, nor to one of the platform's own."""
    book_id, owner = next(iter(hands.ids("users").items()))
    hands.change({"op": "change", "table": "users", "id": book_id, "set": {"active": False}})
    (outcome,) = writer(hands).create([wanted(hands, owner_id=owner)])

    assert (OutcomeKind.REJECTED, True) == (outcome.kind, outcome.reason.startswith("INACTIVE_OWNER_OR_USER"))
    assert not [one for one in hands.tasks() if one["key"]]


def test_locked_record_is_tried_again_later(hands: Hands) -> None:
    """A task whose account somebody else is writing to was not written, and may be sent again."""
    hands.org({"do": "lock", "id": str(wanted(hands).account_id), "times": 1})
    outcomes = [writer(hands).create([wanted(hands)])[0] for _ in range(2)]

    assert [OutcomeKind.UNSENT, OutcomeKind.WRITTEN] == [outcome.kind for outcome in outcomes]
    assert "UNABLE_TO_LOCK_ROW" in outcomes[0].reason


def test_word_that_the_org_does_not_know_is_not_sent(hands: Hands) -> None:
    """Where the pick list of priorities holds other words, the task goes without one."""
    hands.org({"do": "alter_field", "object": "Task", "field": "Priority", "values": ["1 - today", "2 - soon"]})
    (outcome,) = writer(hands).create([wanted(hands)])

    assert OutcomeKind.WRITTEN is outcome.kind


def test_key_field_that_is_hidden_ends_all_writing(hands: Hands) -> None:
    """When we may no longer write the key, nothing is rejected and nothing sent: the writer is gone until it is mended."""
    connector = hands.connect()
    made = connector.tasks
    assert made is not None
    made.create([wanted(hands, 1)])
    hands.org({"do": "hide_field", "object": "Task", "field": "refsync_key__c"})
    with pytest.raises(UnexpectedReply, match="see refsync check"):
        made.create([wanted(hands, 2)])

    assert connector.tasks is None
    hands.org({"do": "show_field", "object": "Task", "field": "refsync_key__c"})
    assert connector.tasks is not None


def test_account_person_and_deal_are_one_click_away(hands: Hands) -> None:
    """A task about a deal names the deal and the person, and Salesforce derives the account from the deal."""
    deal = next(iter(hands.ids("deals").values()))
    contact = next(iter(hands.ids("contacts").values()))
    writer(hands).create([wanted(hands, account_id=None, deal_id=deal, contact_id=contact)])
    (seen,) = (one for one in hands.tasks() if one["key"])

    assert (deal, contact) == (seen["deal"]["id"], seen["contact"]["id"])
    assert seen["account"] is not None


def deal_of(hands: Hands, account: str) -> str:
    """Create a deal of an account and return its id."""
    return hands.create("Opportunity", Name="New", AccountId=account, StageName="Prospecting", CloseDate="2027-01-31")


def test_task_about_an_introduction_stands_with_the_customer_who_made_it(hands: Hands) -> None:
    """A deal of somebody else does not take the task to their account; a deal of the task's own account is named."""
    own, other = list(hands.ids("accounts").values())[:2]
    deals = [deal_of(hands, account) for account in (other, own)]
    writer(hands).create([wanted(hands, number, account_id=own, deal_id=deal) for number, deal in enumerate(deals, 1)])
    seen = {one["key"]: one for one in hands.tasks() if one["key"]}

    assert [own, own] == [seen[f"{number:064x}"]["account"]["id"] for number in (1, 2)]
    assert (None, deals[1]) == (seen[f"{1:064x}"]["deal"], seen[f"{2:064x}"]["deal"]["id"])


@pytest.mark.parametrize(
    "step",
    [{"do": "hide_field", "object": "Opportunity", "field": "AccountId"}, {"do": "hide_object", "object": "Opportunity"}],
)
def test_task_whose_deal_is_hidden_stands_with_its_account(hands: Hands, step: dict[str, Any]) -> None:
    """Where the org does not show whose a deal is, the task is about the account alone, and is written."""
    own = next(iter(hands.ids("accounts").values()))
    deal = deal_of(hands, own)
    hands.org(step)
    (outcome,) = writer(hands).create([wanted(hands, account_id=own, deal_id=deal)])
    (seen,) = (one for one in hands.tasks() if one["key"])

    assert (OutcomeKind.WRITTEN, own) == (outcome.kind, seen["account"]["id"])


def test_long_texts_are_cut_as_salesforce_counts(hands: Hands) -> None:
    """A subject of many emoji, each of which Salesforce counts twice, fits; a long text ends with an ellipsis."""
    (outcome,) = writer(hands).create([wanted(hands, subject="😀" * 200, text="x" * 40_000)])
    (seen,) = (one for one in hands.tasks() if one["key"])

    assert OutcomeKind.WRITTEN is outcome.kind
    assert 253 <= len(seen["subject"].encode("utf-16-le")) // 2 <= 255
    assert (32_000, "…") == (len(seen["text"]), seen["text"][-1])
