"""Whom people know: further accounts they belong to, and those they introduced to us.

Law: drawn from a stream of chance of its own, so that the rest of the book does not change with it; whole minutes, and only
statuses that Salesforce, HubSpot and a folder can all keep.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from refsync.model import AccountContact, Deal, Instant, Introduction, IntroductionStatus
from refsync_sandbox.generator.account import Scene, account_id
from refsync_sandbox.generator.names import person

MINUTE = 60_000
INTRODUCING = 0.12
"""The share of accounts whose people introduce somebody without a deal having come of it yet."""
ROLES = ("board member", "consultant", "")
STATUSES = {
    IntroductionStatus.NEW: 20,
    IntroductionStatus.NO_ANSWER: 15,
    IntroductionStatus.IN_CONTACT: 30,
    IntroductionStatus.MET: 20,
    IntroductionStatus.DECLINED: 15,
}
KINDS = ("other division", "peer elsewhere", "")
NOTES = ("", "Old colleagues", "Met at the fair; asks for a call, not a mail", 'Said: "tell them I sent you"')


def network(scene: Scene, seed: int, second_accounts: float) -> Iterator[AccountContact | Introduction]:
    """Yield further accounts of such a share of the people, and introductions, those behind the account's deals too."""
    rng = Random(f"{seed}/{scene.number}/network")  # noqa: S311  # a book, not a secret
    for deal in scene.deals:
        if deal.referred_by_contact_id:
            yield _behind(scene, rng, deal, deal.referred_by_contact_id)
    if rng.random() < INTRODUCING:
        for n in range(1, rng.choice((2, 2, 3))):
            yield _made(scene, rng, f"I-{scene.number:06}-{n}")
    yield from _seats(scene, rng, second_accounts)


def _seats(scene: Scene, rng: Random, share: float) -> Iterator[AccountContact]:
    for n, contact in enumerate(scene.contacts, start=1):
        if scene.number and rng.random() < share:
            other = account_id(rng.randrange(scene.number))
            yield AccountContact(id=f"S-{scene.number:06}-{n}", account_id=other, contact_id=contact.id, role=rng.choice(ROLES))


def _behind(scene: Scene, rng: Random, deal: Deal, source: str) -> Introduction:
    """Return the introduction that a deal came of: of the first person there, by somebody at an earlier account."""
    known, made = scene.contacts[0], deal.created_at or scene.now
    return Introduction(
        id=f"I-{deal.id}",
        source_contact_id=source,
        person_name=known.name,
        person_contact_id=known.id,
        account_id=account_id(int(source.split("-")[1])),
        deal_id=deal.id,
        owner_id=deal.owner_id,
        status=IntroductionStatus.MET,
        status_since=made,
        made_at=made,
        kind="peer elsewhere",
        note=rng.choice(NOTES),
    )


def _made(scene: Scene, rng: Random, identity: str) -> Introduction:
    status = rng.choices(tuple(STATUSES), tuple(STATUSES.values()))[0]
    made = _between(rng, scene.account.created_at or scene.now, scene.now)
    return Introduction(
        id=identity,
        source_contact_id=rng.choice(scene.contacts).id,
        person_name=person(rng),
        account_id=scene.account.id,
        owner_id=scene.account.owner_id,
        status=status,
        status_since=made if status is IntroductionStatus.NEW else _between(rng, made, scene.now),
        made_at=made,
        kind=rng.choice(KINDS),
        note=rng.choice(NOTES),
    )


def _between(rng: Random, first: Instant, last: Instant) -> Instant:
    return first + rng.randrange(max(1, (last - first) // MINUTE)) * MINUTE
