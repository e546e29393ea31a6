"""What makes a book show every motion of referral selling, also a small one: thanks said, customers back after years of silence,
introductions of these weeks.

Law: drawn from a stream of chance of its own, so that the rest of the book does not change with it; only what Salesforce, HubSpot
and a folder can all keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from refsync.model import (
    AccountStatus,
    Activity,
    ActivityKind,
    ActivityStatus,
    DealStatus,
    Direction,
    Instant,
    Introduction,
    IntroductionStatus,
)
from refsync_sandbox.generator.account import DAY, Scene, day_of
from refsync_sandbox.generator.names import person

SILENCE = 760
"""Days without a word after which a conversation is a return."""
LONG_AGO = 1_000
"""Days: customers older than that, to whom nobody ever spoke, were handed over then."""
TALKS = frozenset({(ActivityKind.EMAIL, Direction.IN), (ActivityKind.MESSAGE, Direction.IN)})
STATUSES = (
    IntroductionStatus.NEW,
    IntroductionStatus.NEW,
    IntroductionStatus.NO_ANSWER,
    IntroductionStatus.IN_CONTACT,
    IntroductionStatus.MET,
)


def gratitude(scene: Scene, seed: int) -> dict[str, str]:
    """Return the day on which a customer thanked us, or a prospect before signing, and of the value added before that."""
    rng = Random(f"{seed}/{scene.number}/thanks")  # noqa: S311  # a book, not a secret
    buys = scene.account.status is AccountStatus.PROSPECT and any(deal.status is DealStatus.OPEN for deal in scene.deals)
    if rng.random() > (0.3 if buys else 0.06 if scene.account.status is AccountStatus.CUSTOMER else 0.0):
        return {}
    thanked = rng.randint(1, 18)
    return {
        "thanked_on": day_of(scene.now, thanked).isoformat(),
        "value_added_on": day_of(scene.now, thanked + rng.randint(1, 60)).isoformat(),
    }


def motions(scene: Scene, seed: int, happened: Iterable[Activity]) -> Iterator[Activity | Introduction]:
    """Yield the conversation that ended years of silence, and introductions that customers made lately."""
    rng = Random(f"{seed}/{scene.number}/motions")  # noqa: S311  # a book, not a secret
    if scene.account.status is not AccountStatus.CUSTOMER:
        return
    last = _last_word(happened)
    if forgotten := last is None and scene.age > LONG_AGO:
        yield _call(scene, "begun", _hour(scene.now - LONG_AGO * DAY, rng), "Handed over after the project")
    if forgotten or (last and last < scene.now - SILENCE * DAY and rng.random() < 0.5):
        yield _call(scene, "back", _hour(scene.now - rng.randint(15, 27) * DAY, rng), "Here we are again")
    if rng.random() < (0.3 if scene.account.tier == "A" else 0.06) and scene.age > 90:
        yield _introduction(scene, rng)


def _last_word(happened: Iterable[Activity]) -> Instant | None:
    """Return when somebody was in touch last; None: never."""
    return max((one.at for one in happened if one.at is not None and _is_touch(one)), default=None)


def _is_touch(one: Activity) -> bool:
    talked = one.kind in (ActivityKind.CALL, ActivityKind.MEETING) or (one.kind, one.direction) in TALKS
    return talked and one.status is ActivityStatus.DONE and not one.automated


def _call(scene: Scene, name: str, at: Instant, subject: str) -> Activity:
    return Activity(
        id=f"X-{scene.number:06}-{name}",
        kind=ActivityKind.CALL,
        direction=Direction.IN,
        at=at,
        status=ActivityStatus.DONE,
        subject=subject,
        owner_id=scene.account.owner_id,
        account_id=scene.account.id,
        contact_ids=(scene.contacts[0].id,),
    )


def _introduction(scene: Scene, rng: Random) -> Introduction:
    made = _hour(scene.now - rng.randint(4, 40) * DAY, rng)
    status = rng.choice(STATUSES)
    return Introduction(
        id=f"I-{scene.number:06}-new",
        source_contact_id=scene.contacts[0].id,
        person_name=person(rng),
        account_id=scene.account.id,
        owner_id=scene.account.owner_id,
        status=status,
        status_since=made if status is IntroductionStatus.NEW else min(made + 3 * DAY, scene.now - DAY),
        made_at=made,
        kind=rng.choice(("other division", "peer elsewhere")),
        note="Asked for a short call next week",
    )


def _hour(at: Instant, rng: Random) -> Instant:
    return at - at % DAY + rng.randrange(8 * 60, 17 * 60) * 60_000
