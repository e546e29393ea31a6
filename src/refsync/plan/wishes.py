"""Which matches want a task: not those that have one, had one in this lapse, or must wait behind another rule's.

Law: an event gets one task, a lapse one per lapse, unless `[repeat]` says otherwise. What counts as "this lapse" is a comparison
of times, so that a call logged late does not raise it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from refsync.calendar import Duration, Unit
from refsync.finding import LIVE, WITH_TASK, Finding, State, finding_key
from refsync.model import Instant, parse_instant
from refsync.plan.limits import ask_limit, merit
from refsync.plan.situation import Situation
from refsync.plan.values import Drawn, Held, Wish
from refsync.rules.rule import Match, Repeat, Rule

REJECTED_AGAIN = Duration(1, Unit.DAYS)
WAITS_FOR_IT = "limits.ask.not_while_open"


def wishes(matches: Iterable[Match], situation: Situation) -> tuple[list[Wish], list[Held]]:
    """Return one wish a key, with everything that waits behind it, and the matches that get none with their reason."""
    by_key: dict[str, Wish] = {}
    held: list[Held] = []
    rule_of = cache(situation.rules.rule)
    for match in matches:
        found = _wanted(match, rule_of, situation)
        if isinstance(found, str):
            held += [Held(match.rule, match, found)] if found else []
        elif same := by_key.get(found.key):
            first = min(same, found, key=lambda one: (merit(one), one.match.rule, one.match.subject_id))
            by_key[found.key] = first._replace(behind=same.behind + found.behind)
        else:
            by_key[found.key] = found
    return list(by_key.values()), held


def drawn(matches: Iterable[Match], situation: Situation) -> Iterator[Drawn]:
    """Yield what rules with a `holdout` want, and which of it gets no task; before any limit, so that the two are alike."""
    rules = {rule.name: rule for rule in situation.rules.rules if rule.holdout and rule.for_each != "rep"}
    for match in matches:
        if rule := rules.get(match.rule):
            wish = _wish(rule, match, (match.subject_kind, match.subject_id), match.episode, match.lapse_at or 0, situation)
            if not isinstance(wish, str):
                yield Drawn(wish, _is_held_out(wish))


def waiting_behind(matches: Iterable[Match], situation: Situation) -> Iterator[Finding]:
    """Yield what is to wait behind a task that stands already, and does not yet: `needs` fails, and its `otherwise` was written.

    That task may be one of those that must not be open while an ask is written; it is what the ask waits for.
    """
    past = situation.past
    for match in matches:
        rule = None if match.ready else situation.rules.rule(match.rule)
        first = situation.rules.rule(rule.otherwise) if rule else None
        if rule is None or first is None:
            continue
        stands = (one for one in past.found(first, match.account_id) if one.state in WITH_TASK)
        known = past.found(rule, match.subject_id)
        task = next(stands, None)
        if task is None or any(one.state is State.WAITING and one.waiting_for == task.key for one in known):
            continue
        wish = _wish(rule, match, (match.subject_kind, match.subject_id), match.episode, match.lapse_at or 0, situation)
        if isinstance(wish, str) or _is_held_out(wish) or ask_limit(wish, situation) not in {"", WAITS_FOR_IT}:
            continue
        yield _waiting(wish, task.key, situation.now)


def _wanted(match: Match, rule_of: Callable[[str], Rule | None], situation: Situation) -> Wish | str:
    """Return the wish of a match, or why there is none; an empty reason: it has its task, or waits for another's."""
    rule = rule_of(match.rule)
    assert rule is not None, match.rule  # noqa: S101 - the match came from this rule
    wish = _wish(rule, match, (match.subject_kind, match.subject_id), match.episode, match.lapse_at or 0, situation)
    if isinstance(wish, str):
        return wish
    if _is_held_out(wish):
        return "holdout"
    if match.ready:
        return wish
    first = rule_of(rule.otherwise)
    if first is None:
        return "needs"
    if not first.speaks_before(rule):
        return f"otherwise: {first.name} is {first.mode}"
    episode = match.waiting_episode
    since = parse_instant(episode) if episode not in {"", "never"} else 0
    found = _wish(first, match, ("account", match.account_id), episode, since, situation)
    if isinstance(found, str):
        return found
    return ask_limit(wish, situation) or found._replace(behind=(_waiting(wish, found.key, situation.now),))


def _wish(rule: Rule, match: Match, subject: tuple[str, str], episode: str, since: Instant, situation: Situation) -> Wish | str:
    """Return the wish for a rule's task about a subject; `since` is when its lapse began."""
    subject_kind, subject_id = subject
    n, noticed_at, key = 0, None, ""
    if before := situation.past.found(rule, subject_id):
        if live := next((finding for finding in before if finding.state in LIVE), None):
            if live.state in WITH_TASK:
                return ""
            noticed_at, n, episode = (live.opened_at if live.state is State.PENDING else None), live.n, live.episode
            key = live.key
        else:
            in_lapse = [finding for finding in before if finding.episode == episode or finding.opened_at > since]
            given = [finding for finding in in_lapse if finding.state is not State.WITHDRAWN]  # nobody decided that about it
            if given and (reason := _too_soon(rule, given, situation)):
                return reason
            n = sum(finding.state is not State.REJECTED for finding in in_lapse)
    key = key or finding_key(situation.org, rule.key_name, subject_kind, subject_id, episode, n)
    return Wish(rule, match, key, subject_kind, subject_id, episode, n, (), noticed_at)


def _is_held_out(wish: Wish) -> bool:
    """Say whether a finding is one of those that get no task, to compare with: drawn from its key, so always the same ones."""
    return bool(wish.rule.holdout) and int(wish.key[:8], 16) < wish.rule.holdout * 16**8


def _too_soon(rule: Rule, before: Sequence[Finding], situation: Situation) -> str:
    """Return the setting that keeps a finding from coming again, or an empty text."""
    calendar, now = situation.company.calendar, situation.now
    last = max(before, key=lambda finding: finding.opened_at)
    if last.key in situation.again:
        return ""
    closed_at = last.closed_at if last.closed_at is not None else last.opened_at
    if last.state is State.REJECTED:
        return "" if closed_at < calendar.ago(now, REJECTED_AGAIN) else "rejected"
    if rule.repeat == Repeat():
        return "undone" if last.state is State.UNDONE else "repeat"
    if rule.repeat.at_most is not None and len(before) >= rule.repeat.at_most:
        return "repeat.at_most"
    match last.state:
        case State.DONE:
            pause, name = rule.repeat.after_done, "after_done"
        case State.DISMISSED:
            pause, name = rule.repeat.after_dismissed, "after_dismissed"
        case State.UNDONE:
            pause, name = rule.repeat.after_dismissed, "undone"
        case _:
            pause, name = rule.repeat.after_expired, "after_expired"
    reason = name if last.state is State.UNDONE else f"repeat.{name}"
    return reason if pause is None or closed_at >= calendar.ago(now, pause) else ""


def _waiting(wish: Wish, behind: str, now: Instant) -> Finding:
    return Finding(
        key=wish.key,
        rule=wish.rule.name,
        kind=wish.rule.kind,
        subject_kind=wish.subject_kind,
        subject_id=wish.subject_id,
        episode=wish.episode,
        n=wish.n,
        account_id=wish.match.account_id,
        contact_id=wish.match.contact_id,
        deal_id=wish.match.deal_id,
        state=State.WAITING,
        waiting_for=behind,
        opened_at=now,
    )
