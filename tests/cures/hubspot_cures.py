"""What keeps the numbered bugs of HubSpot tools away."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import urllib3

from refsync.connector import Batch, Outcome, OutcomeKind, TaskState
from refsync.errors import UnexpectedReply
from refsync.model import ActivityKind, ActivityStatus, Direction, Instant, Stream, Task
from refsync_hubspot import activities, fetch, objects, records, replies, search, task_changes, transport, values, wire
from refsync_hubspot.client import Client
from refsync_hubspot.cursor import Seen, State, Sweeping, Window
from refsync_hubspot.fetch import Fetched
from refsync_hubspot.linked_tasks import LinkedTasks
from refsync_hubspot.objects import ObjectType
from refsync_hubspot.read import Reader
from refsync_hubspot.records import Records
from refsync_hubspot.replies import Answer
from refsync_hubspot.search import Question
from refsync_hubspot.signin import OAuth
from refsync_hubspot.sweep import Sweeper
from refsync_hubspot.task_record import TaskRecord
from refsync_hubspot.transport import Limits, Reply, Transport
from refsync_hubspot.unique_tasks import UniqueTasks
from tests.cures.cure import Cure, both, replaced

NUMBERS = range(1, 31)
"""The bugs that the design lists."""

_input, _find_tasks = TaskRecord.input, UniqueTasks._find
_object_types, _body, _links, _by_ids = objects.object_types, search._body, fetch.links, fetch.by_ids
_next_after, _window, _new_window, _due, _batch = (
    replies.next_after,
    Reader._window,
    Reader._new_window,
    Sweeper._due,
    Records.batch,
)
_listed, _whole = Records.listed, transport._whole

Found = Iterator[tuple[list[str], State]]


# -- reading ---------------------------------------------------------------------------------------------------------------


def _one_column(*how: Any) -> Any:
    types = _object_types(*how)
    return {stream: tuple(replace(kind, modified="hs_lastmodifieddate") for kind in kinds) for stream, kinds in types.items()}


def _until_a_short_page(client: Client, question: Question, window: Window) -> Found:
    last = window.last
    while True:
        page = client.search(question.kind, _body(question, window.lower, window.upper, last=last))
        ids = [row["id"] for row in replies.records(page)]
        is_last = len(ids) < search.SEARCH_PAGE
        last = ids[-1] if ids else last
        yield ids, Seen(upper=window.upper) if is_last else replace(window, last=last)
        if is_last:
            return


def _by_offset(client: Client, question: Question, window: Window, most: float = math.inf) -> Found:
    after: str | int | None = None
    while True:
        page = client.search(question.kind, _body(question, window.lower, window.upper, after=after))
        after = _next_after(page.body, set())
        is_last = after is None or int(after) >= most
        yield [row["id"] for row in replies.records(page)], Seen(upper=window.upper) if is_last else window
        if is_last:
            return


def _until_10000(client: Client, question: Question, window: Window) -> Found:
    yield from _by_offset(client, question, window, search.MOST_RESULTS)


def _again_from_the_last_stamp(client: Client, question: Question, window: Window) -> Found:
    for _ in range(2):  # a real one would go on for ever
        yield from ((ids, window) for ids, _state in _until_10000(client, question, window))
    yield [], Seen(upper=window.upper)


def _text_only(body: Mapping[str, Any], passed: set[str]) -> str | int | None:
    found = _next_after(body, passed)
    if isinstance(found, int):
        raise UnexpectedReply("where the next page begins is a text")
    return found


_pages: dict[str, int] = {}


def _forgetting_the_id(question: Question, lower: Instant, upper: Instant, *, last: str = "", **how: Any) -> dict[str, Any]:
    _pages[question.kind] = _pages.get(question.kind, 0) + 1
    return _body(question, lower, upper, last=last if _pages[question.kind] % 2 else "", **how)


def _without_overlap(reader: Reader, kind: ObjectType, seen: Instant, *, just_listed: bool) -> Window:
    window = _new_window(reader, kind, seen, just_listed=just_listed)
    return replace(window, lower=max(window.lower, seen))


def _to_the_largest_stamp(reader: Reader, kind: ObjectType, window: Window) -> Iterator[tuple[Fetched, State]]:
    largest = window.lower
    for fetched, state in _window(reader, kind, window):
        stamps = [values.at(row["properties"].get(kind.modified)) or 0 for row in fetched.rows]
        largest = max(largest, *stamps, 0)
        yield fetched, Seen(upper=largest) if isinstance(state, Seen) else state


def _nothing_linked(_client: Client, _kind: ObjectType, ids: Sequence[str]) -> Any:
    return {record_id: {} for record_id in ids}


def _without_walks(sweeper: Sweeper, stream: Stream, place: Sweeping, now: Instant) -> str:
    name = _due(sweeper, stream, place, now)
    return "" if name in ("walk", "lately") else name


def _without_archived(sweeper: Sweeper, stream: Stream, place: Sweeping, now: Instant) -> str:
    name = _due(sweeper, stream, place, now)
    return "" if name == "archived" else name


def _those_who_are_there(found: Records) -> list[dict[str, Any]]:
    query = {"limit": 100, "archived": "false"}
    return [owner for page, _ in found.client.pages(found.client.paths.owners(), query) for owner in replies.rows(page)]


def _without_merges(found: Records, stream: Stream, *how: Any) -> Batch:
    batch = _batch(found, stream, *how)
    return replace(batch, merged=()) if stream is Stream.CONTACTS else batch


def _first_page_only(client: Client, origin: str, target: str, ids: Sequence[str]) -> dict[str, list[Any]]:
    answer = client.ask(client.paths.links(origin, target), {"inputs": [{"id": record_id} for record_id in ids]})
    return {str(result["from"]["id"]): result["to"] for result in replies.rows(answer)}


def _in_two_calls(client: Client, kind: ObjectType, ids: Sequence[str]) -> Fetched:
    if len(kind.properties) < 100:
        return _by_ids(client, kind, ids)
    half = len(kind.properties) // 2
    first, second = (
        _by_ids(client, replace(kind, properties=some), ids) for some in (kind.properties[:half], kind.properties[half:])
    )
    for row, more in zip(first.rows, second.rows, strict=True):
        row["properties"] |= more["properties"]
    return first


def _errors_are_errors(answer: Answer, _left: set[str]) -> None:
    if answer.errors:
        raise UnexpectedReply("some associations could not be read")


def _seen_at_its_end(found: Records, kind: ObjectType, state: State | None, **how: Any) -> Iterator[tuple[Fetched, State]]:
    for fetched, reached in _listed(found, kind, state, **how):
        yield fetched, Seen(upper=found.client.now()) if isinstance(reached, Seen) else reached


# -- calls -----------------------------------------------------------------------------------------------------------------


def _limit_is_an_error(text: str, *, retry_after: float) -> UnexpectedReply:
    return UnexpectedReply(f"{text} ({retry_after})")


def _kept_token(sign_in: OAuth) -> str:
    if not sign_in._token:
        sign_in._renew()
    return sign_in._token


def _patient(manager: urllib3.PoolManager, host: str, _limits: Limits) -> Transport:
    return Transport(manager, host, Limits(read=60.0, call=60.0))


def _followed(way: Transport, method: str, url: str, **how: Any) -> Reply:
    how |= {"preload_content": False, "redirect": True, "retries": urllib3.Retry(redirect=3, remove_headers_on_redirect=[])}
    return _whole(way.manager.request(method, url, **how))


# -- tasks -----------------------------------------------------------------------------------------------------------------


def _upsert(writer: UniqueTasks, tasks: Sequence[Task]) -> list[Outcome]:
    name = writer.record.key_property
    inputs = [{"idProperty": name, "id": task.key, "properties": _input(writer.record, task)["properties"]} for task in tasks]
    writer.client.write("POST", writer.client.paths.objects("tasks", "batch", "upsert"), {"inputs": inputs})
    return [Outcome(kind=OutcomeKind.WRITTEN) for _ in tasks]


def _create_each(writer: LinkedTasks, tasks: Sequence[Task]) -> list[Outcome]:
    outcomes: dict[str, Outcome] = {}
    for task in tasks:
        writer._create(task, frozenset(), outcomes)
    return [outcomes[task.key] for task in tasks]


def _without_key(record: TaskRecord, task: Task) -> dict[str, Any]:
    sent = _input(record, task)
    properties = {name: value for name, value in sent["properties"].items() if name != record.key_property}
    return sent | {"properties": properties | {"hs_task_body": task.text}}


def _living_only(writer: UniqueTasks, keys: Sequence[str], *, archived: bool) -> dict[str, TaskState]:
    return {} if archived else _find_tasks(writer, keys, archived=archived)


def _as_call(properties: Mapping[str, Any], _vocabulary: object) -> dict[str, Any]:
    done = properties.get("hs_task_status") == "COMPLETED"
    return {"status": ActivityStatus.DONE if done else ActivityStatus.PLANNED, "direction": Direction.OUT}


CURES: Mapping[int, Cure] = {
    1: Cure(
        bug="contacts by hs_lastmodifieddate: none",
        gone="searches contacts by a column of their own",
        remove=replaced(records, "object_types", _one_column),
    ),
    2: Cure(
        bug="short or empty page ends the read",
        gone="goes on as long as a page says how",
        remove=replaced(search, "_by_id", _until_a_short_page),
    ),
    3: Cure(
        bug="`after` of one type only",
        gone="takes `after` as it comes",
        remove=replaced(replies, "next_after", _text_only),
    ),
    4: Cure(
        bug="more than 10,000 rows on a stamp: endless",
        gone="goes on by the id, but by the stamp",
        remove=replaced(search, "_by_id", _again_from_the_last_stamp),
    ),
    5: Cure(
        bug="id filter lost on the next page",
        gone="filters by the last id in every query",
        remove=replaced(search, "_body", _forgetting_the_id),
    ),
    6: Cure(
        bug="ids in the order of texts are skipped",
        gone="looks whether ids ascend as numbers",
        remove=replaced(search, "_ascending", lambda ids, last: ids[-1] if ids else last),
    ),
    7: Cure(
        bug="page behind 10,000: 400",
        gone="makes a query of its own of each page",
        remove=replaced(search, "_by_id", _by_offset),
    ),
    8: Cure(
        bug="row indexed late is never read",
        gone="begins an hour before the last window's end",
        remove=replaced(Reader, "_new_window", _without_overlap),
    ),
    9: Cure(
        bug="row that changes while paging: others slip",
        gone="pages by a keyset, but by an offset",
        remove=replaced(search, "_by_id", _by_offset),
    ),
    10: Cure(
        bug="cursor is the largest stamp seen",
        gone="takes the window's end for the next beginning",
        remove=replaced(Reader, "_window", _to_the_largest_stamp),
    ),
    11: Cure(
        bug="changed records without associations",
        gone="reads what changed records point at",
        remove=replaced(fetch, "links", _nothing_linked),
    ),
    12: Cure(
        bug="association added later is never seen",
        gone="walks through everything at night",
        remove=replaced(Sweeper, "_due", _without_walks),
    ),
    13: Cure(
        bug="archived rows stay, archived owners are missing",
        gone="asks for what is archived",
        remove=both(replaced(Sweeper, "_due", _without_archived), replaced(Records, "owners", _those_who_are_there)),
    ),
    14: Cure(
        bug="merged rows stay as duplicates",
        gone="reads what was merged away",
        remove=replaced(Records, "batch", _without_merges),
    ),
    15: Cure(
        bug="activities end at 10,000",
        gone="makes a query of its own of each page",
        remove=replaced(search, "_by_id", _until_10000),
    ),
    16: Cure(
        bug="pages of associations, ids of batches are dropped",
        gone="follows each list, nor asks for ids left out",
        remove=both(replaced(fetch, "_links", _first_page_only), replaced(fetch, "_find", lambda *_: None)),
    ),
    17: Cure(
        bug="8,000 records missing without error",
        gone="compares what a search counts and shows",
        remove=replaced(search, "_total", lambda _page: 0),
    ),
    18: Cure(
        bug="properties in parts of two moments",
        gone="reads all properties in one call",
        remove=replaced(fetch, "by_ids", _in_two_calls),
    ),
    19: Cure(
        bug="429 of a search is not repeated",
        gone="takes a limit for something that passes",
        remove=replaced(replies, "RateLimited", _limit_is_an_error),
    ),
    20: Cure(
        bug="token ends in a long run",
        gone="renews a token",
        remove=both(replaced(OAuth, "token", _kept_token), replaced(OAuth, "renews", lambda *_: False)),
    ),
    21: Cure(
        bug="calculated values grow old",
        gone="walks through everything at night",
        remove=replaced(Sweeper, "_due", _without_walks),
    ),
    22: Cure(
        bug="upsert of one id twice fails half done",
        gone="creates, nor sends each key once",
        remove=both(replaced(UniqueTasks, "create", _upsert), replaced(LinkedTasks, "create", _create_each)),
    ),
    23: Cure(
        bug="call without a time limit hangs",
        gone="keeps its time limits",
        remove=replaced(wire, "Transport", _patient),
    ),
    24: Cure(
        bug="create whose reply is lost is sent again",
        gone="writes its key into the task",
        remove=replaced(TaskRecord, "input", _without_key),
    ),
    25: Cure(
        bug="finished task opened, deleted one made again",
        gone="looks at what a person did, nor into the recycle bin",
        remove=both(
            replaced(task_changes, "_decided", lambda _change, _state: ""),
            replaced(UniqueTasks, "_find", _living_only),
            replaced(LinkedTasks, "_deleted", lambda _writer: ()),
        ),
    ),
    26: Cure(
        bug="own tasks count as contact",
        gone="tells tasks from calls, nor reads its own key",
        remove=both(
            replaced(activities, "KINDS", {**activities.KINDS, "tasks": ActivityKind.CALL}),
            replaced(activities, "_DETAILS", {**activities._DETAILS, "tasks": _as_call}),
        ),
    ),
    27: Cure(
        bug="token goes to another host",
        gone="stays with its host",
        remove=replaced(Transport, "request", _followed),
    ),
    28: Cure(
        bug="207 of no associations is an error",
        gone="takes NO_ASSOCIATIONS_FOUND for an answer",
        remove=replaced(fetch, "_unlinked", _errors_are_errors),
    ),
    29: Cure(
        bug="times of 1970 are believed",
        gone="sets times of 1970 aside",
        remove=replaced(values, "_1971", 0),
    ),
    30: Cure(
        bug="row created during the first load is lost",
        gone="goes on from the beginning of the first load",
        remove=replaced(Records, "listed", _seen_at_its_end),
    ),
}
