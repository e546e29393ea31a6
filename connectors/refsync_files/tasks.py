"""Our tasks in tasks.csv, beside whatever people keep there.

Law: one row per key; what a person closed, gave away or removed stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from refsync.connector import Absence, Outcome, OutcomeKind, TaskChange, TaskState, same_words
from refsync.errors import Place, Problem, did_you_mean
from refsync.model import Activity, Instant, Task, TaskStatus, iso
from refsync_files.sheet import TASKS_FILE, Sheet, SheetFile
from refsync_files.translate import STATUS_OF, guarded, row_status, task_activity, task_row, task_state, unguarded


class FileTasks:
    """Writes tasks into the file of one folder, and reads what people made of them."""

    absence = Absence()

    def __init__(self, folder: Path, now: Callable[[], Instant]) -> None:
        self._file = SheetFile(folder)
        self._now = now

    def find(self, tasks: Sequence[Task]) -> Mapping[str, TaskState]:
        """Return the state of each task that has a row. A row that a person removed is simply missing: the ledger knows it."""
        sheet = self._file.load()
        return {task.key: task_state(row) for task in tasks if (row := sheet.get(task.key))}

    def create(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Append a row per task whose key has none yet."""
        with self._file.locked():
            sheet, created_at = self._file.load(), self._now()
            outcomes = []
            for task in tasks:
                if row := sheet.get(task.key):
                    outcomes.append(Outcome(kind=OutcomeKind.ADOPTED, task_id=unguarded(row["id"])))
                    continue
                cells = task_row(task, created_at)
                sheet.append(task.key, cells)
                outcomes.append(Outcome(kind=OutcomeKind.WRITTEN, task_id=unguarded(cells["id"])))
            return self._settled(sheet, outcomes)

    def change(self, changes: Sequence[TaskChange]) -> Sequence[Outcome]:
        """Close or reassign rows, unless a person closed, gave away or removed them."""
        with self._file.locked():
            sheet = self._file.load()
            return self._settled(sheet, [self._change(sheet, change) for change in changes])

    def activities(self) -> Iterator[Activity]:
        """Yield every row, ours and people's, as a task of the activity stream."""
        seen = set()
        for row in self._file.load():
            found = task_activity(row)
            if row_status(row) is not TaskStatus.DELETED and found.id not in seen:
                seen.add(found.id)
                yield found

    def problems(self) -> Iterator[Problem]:
        """Yield each status that is not understood. Raises ConnectorError when the file cannot be read."""
        for row in self._file.load():
            if row["status"].strip().lower() not in STATUS_OF:
                message = f'task {unguarded(row["id"])}: the status "{row["status"]}" is taken as open'
                hint = did_you_mean(row["status"].lower(), filter(None, STATUS_OF))
                yield Problem(message=message, hint=hint, place=Place(TASKS_FILE), severity="warning")

    def _change(self, sheet: Sheet, change: TaskChange) -> Outcome:
        row = sheet.get(change.key)
        if row is None or unguarded(row["id"]) != change.task_id:
            return Outcome(kind=OutcomeKind.CONFLICT, task_id=change.task_id, reason="the row is gone")
        if row_status(row) is not TaskStatus.OPEN:
            return Outcome(kind=OutcomeKind.CONFLICT, task_id=change.task_id, reason="it is no longer open")
        if change.owner_id and change.owner_was and unguarded(row["owner_id"]) != change.owner_was:
            return Outcome(kind=OutcomeKind.CONFLICT, task_id=change.task_id, reason="somebody gave it to another owner")
        decided = _decided(change.written, row, remove=change.remove) if change.written else ""
        if decided and not change.close:
            return Outcome(kind=OutcomeKind.CONFLICT, task_id=change.task_id, reason=decided)
        if change.remove:
            sheet.remove(change.key)
            return Outcome(kind=OutcomeKind.WRITTEN, task_id=change.task_id)
        cells = {"owner_id": guarded(change.owner_id)} if change.owner_id else {}
        if change.owner_id and change.due_on:
            cells |= {"due_on": change.due_on.isoformat()}
        if change.text and not decided:
            cells |= {"text": guarded(change.text)}
        if change.close:
            cells |= {"status": TaskStatus.DONE.value, "closed_at": iso(self._now())}
        sheet.put(change.key, cells)
        return Outcome(kind=OutcomeKind.WRITTEN, task_id=change.task_id)

    def _settled(self, sheet: Sheet, outcomes: list[Outcome]) -> list[Outcome]:
        """Save the sheet if anything was written, and return what became of it."""
        if not any(outcome.kind is OutcomeKind.WRITTEN for outcome in outcomes) or self._file.save(sheet):
            return outcomes
        lost = Outcome(kind=OutcomeKind.UNCERTAIN, reason="the folder could not be synced to disk")
        return [replace(lost, task_id=done.task_id) if done.kind is OutcomeKind.WRITTEN else done for done in outcomes]


def _decided(written: Task, row: Mapping[str, str], *, remove: bool) -> str:
    """Return what a person made of a row since it was written, in words; empty: it says what it said."""
    if remove and unguarded(row["owner_id"]) != written.owner_id:
        return "somebody gave it to another owner"
    texts = same_words(written.subject, unguarded(row["subject"])) and same_words(written.text, unguarded(row["text"]))
    return "" if texts and unguarded(row["due_on"]) == written.due_on.isoformat() else "a person edited it"
