"""What happened between us and an account: touches, and much that is none.

Law: each activity is one that Salesforce, HubSpot and a folder can all hold: whole seconds; tasks and planned calls at noon UTC;
no planned mail; outcomes only where a CRM keeps one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import accumulate, chain
from typing import TypeAlias
from zoneinfo import ZoneInfo

from refsync.model import Activity, ActivityKind, ActivityStatus, Direction, Instant, instant, moment
from refsync_sandbox.generator.account import DAY, Scene, contact_id, limit_of
from refsync_sandbox.generator.names import SUBJECTS

EDGE_ZONES = (ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"))
NOON = 12 * 3_600_000
MINUTE = 60_000
LONG_SILENCE = 731


@dataclass(frozen=True, slots=True)
class _Shape:
    """A kind of event, and how often it comes."""

    weight: int
    kind: ActivityKind
    direction: Direction | None = None
    status: ActivityStatus = ActivityStatus.DONE
    automated: bool = False


TOUCHES = (
    _Shape(30, ActivityKind.CALL, Direction.OUT),
    _Shape(15, ActivityKind.CALL, Direction.IN),
    _Shape(25, ActivityKind.MEETING),
    _Shape(25, ActivityKind.EMAIL, Direction.IN),
    _Shape(5, ActivityKind.MESSAGE, Direction.IN),
)
NO_TOUCHES = (
    _Shape(45, ActivityKind.EMAIL, Direction.OUT),
    _Shape(15, ActivityKind.EMAIL, Direction.OUT, automated=True),
    _Shape(3, ActivityKind.EMAIL, Direction.IN, automated=True),
    _Shape(5, ActivityKind.EMAIL, Direction.OUT, ActivityStatus.BOUNCED),
    _Shape(2, ActivityKind.EMAIL, Direction.IN, ActivityStatus.BOUNCED),
    _Shape(6, ActivityKind.MEETING, status=ActivityStatus.NO_SHOW),
    _Shape(4, ActivityKind.MEETING, status=ActivityStatus.CANCELLED),
    _Shape(3, ActivityKind.MEETING, status=ActivityStatus.PLANNED),
    _Shape(5, ActivityKind.CALL, Direction.OUT, ActivityStatus.NO_SHOW),
    _Shape(5, ActivityKind.MESSAGE, Direction.OUT),
    _Shape(10, ActivityKind.NOTE),
    _Shape(5, ActivityKind.TASK),
)
WAYS = ("account and people", "all three", "account", "deal", "people")
WAY_WEIGHTS = (70, 85, 88, 93, 100)
_Event: TypeAlias = tuple[_Shape, Instant]
_TOUCH_WEIGHTS = tuple(accumulate(shape.weight for shape in TOUCHES))
_NO_TOUCH_WEIGHTS = tuple(accumulate(shape.weight for shape in NO_TOUCHES))


def history(scene: Scene) -> Iterator[Activity]:
    """Yield the activities of an account, about ten, in no particular order."""
    for n, event in enumerate(chain(_past_touches(scene), _past_rest(scene), _ahead(scene), _open_tasks(scene)), start=1):
        yield _activity(scene, f"X-{scene.number:06}-{n}", *event)


def _past_touches(scene: Scene) -> Iterator[_Event]:
    rng, created = scene.rng, scene.account.created_at or scene.now
    at = _last_touch(scene)
    for _ in range(rng.choice((1, 2, 4, 5, 6, 9))):
        if at is None or at <= created:
            return
        yield rng.choices(TOUCHES, cum_weights=_TOUCH_WEIGHTS)[0], at
        at = _work_hour(scene, at - round(rng.expovariate(1 / 45) * DAY) - DAY)


def _last_touch(scene: Scene) -> Instant | None:
    """Return when the account was last touched: by its rep's care, now and then exactly on an edge, or never."""
    rng, limit = scene.rng, limit_of(scene.account.tier)
    fate = rng.random()
    if fate < 0.06:
        return None
    if fate < 0.13:
        return _edge(scene, limit)
    if fate < 0.16:
        return _edge(scene, rng.choice((90, LONG_SILENCE)))
    if fate < 0.20:
        return _work_hour(scene, scene.now - rng.randint(LONG_SILENCE + 2, 1500) * DAY)
    if rng.random() < scene.rep.care:
        return _work_hour(scene, scene.now - rng.randint(1, limit - 2) * DAY)
    return _work_hour(scene, scene.now - rng.randint(limit + 2, limit * 5) * DAY)


def _edge(scene: Scene, days: int) -> Instant:
    """Return an instant close to a local midnight that decides whether a day is within `days`."""
    rng, zone = scene.rng, scene.rng.choice(EDGE_ZONES)
    day = moment(scene.now).astimezone(zone).date() - timedelta(days=days + rng.choice((-1, 0, 0, 1)))
    midnight = instant(datetime.combine(day, time(), zone))
    return min(midnight + rng.choice((-1_000, 0, 1_000, NOON)), scene.now)


def _past_rest(scene: Scene) -> Iterator[_Event]:
    rng, created = scene.rng, scene.account.created_at or scene.now
    for _ in range(rng.choice((1, 3, 4, 6, 8, 10))):
        at = _work_hour(scene, scene.now - int(rng.random() ** 2 * min(scene.age, 900) * DAY) - DAY)
        if at > created:
            yield rng.choices(NO_TOUCHES, cum_weights=_NO_TOUCH_WEIGHTS)[0], at


def _ahead(scene: Scene) -> Iterator[_Event]:
    """Yield what is planned: meetings close and far, some called off, and calls."""
    rng = scene.rng
    if rng.random() < 0.12:
        days = rng.choice((1, 3, 9, 13, 14, 14, 15, 16, 30, 60))
        at = scene.now - scene.now % DAY + days * DAY + rng.choice((0, 6 * 3_600_000, NOON, DAY - 1_000))
        status = ActivityStatus.CANCELLED if rng.random() < 0.15 else ActivityStatus.PLANNED
        yield _Shape(1, ActivityKind.MEETING, status=status), at
    if rng.random() < 0.03:
        at = _noon(scene, -rng.randint(1, 20))
        yield _Shape(1, ActivityKind.CALL, Direction.OUT, ActivityStatus.PLANNED), at


def _open_tasks(scene: Scene) -> Iterator[_Event]:
    """Yield tasks that people set themselves: due soon, overdue, and long forgotten."""
    if (rng := scene.rng).random() < 0.1:
        due = rng.choice((-30, -10, -3, 0, 5, 13, 14, 14, 15, 16, 40, 200))
        yield _Shape(1, ActivityKind.TASK, status=ActivityStatus.PLANNED), _noon(scene, due)


def _noon(scene: Scene, ago: int) -> Instant:
    return scene.now - scene.now % DAY - ago * DAY + NOON


def _work_hour(scene: Scene, at: Instant) -> Instant:
    return at - at % DAY + scene.rng.randrange(7 * 60, 18 * 60) * MINUTE


def _activity(scene: Scene, identity: str, shape: _Shape, at: Instant) -> Activity:
    """Return an event with the records it is about: mostly account and people, at times only one of these, or the deal."""
    rng = scene.rng
    people = _people(scene)
    account: str | None = scene.account.id
    deal = rng.choice(scene.deals).id if scene.deals else None
    match rng.choices(WAYS, cum_weights=WAY_WEIGHTS)[0]:
        case "account and people":
            deal = None
        case "account":
            deal, people = None, ()
        case "deal" if deal:
            account, people = None, ()
        case "people":
            account, deal = None, None
    return Activity(
        id=identity,
        kind=shape.kind,
        direction=shape.direction,
        at=at - at % DAY + NOON if shape.kind is ActivityKind.TASK else at,
        ended_at=at + rng.choice((30, 60)) * MINUTE if shape.kind is ActivityKind.MEETING else None,
        status=shape.status,
        automated=shape.automated,
        subject=rng.choice(SUBJECTS),
        owner_id=scene.account.owner_id,
        account_id=account,
        deal_id=deal,
        contact_ids=people,
    )


def _people(scene: Scene) -> tuple[str, ...]:
    rng, known = scene.rng, scene.contacts
    if rng.random() < 0.75:
        people: tuple[str, ...] = (rng.choice(known).id,)
    else:
        people = tuple(contact.id for contact in rng.sample(known, min(len(known), rng.choice((2, 2, 3)))))
    if scene.number and rng.random() < 0.01:
        people += (contact_id(rng.randrange(scene.number), 1),)  # somebody of another account was there too
    return people
