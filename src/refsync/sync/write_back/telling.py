"""What somebody reads who is told of an overdue task: whose it is, since when, and the task itself."""

from __future__ import annotations

from collections.abc import Sequence

from refsync.finding import ESCALATION, Finding, State
from refsync.model import Stream
from refsync.plan import Escalation
from refsync.plan.escalation import SUBJECT
from refsync.store import ledger
from refsync.store.engine import Database
from refsync.store.records import directory
from refsync.sync.run import Run


def told_of(db: Database, run: Run, escalations: Sequence[Escalation]) -> list[Finding]:
    """Return the ledger rows of escalations, ready to be sent."""
    whole = {one.key: one for one in ledger.of_keys(db, run.connection, [told.finding.key for told in escalations])}
    holders = {one.holder_id or one.owner_id for one in whole.values()}
    names = directory.names(db, run.connection, Stream.USERS, holders)
    return [_finding(run, told, whole[told.finding.key], names) for told in escalations if told.finding.key in whole]


def _finding(run: Run, told: Escalation, about: Finding, names: dict[str, str]) -> Finding:
    holder = names.get(about.holder_id or about.owner_id) or "nobody we know"
    since = run.rules.company.calendar.day(about.opened_at)
    said = (
        f"{holder} has had this task since {since:%d %b %Y}. It was due on {about.due_now:%d %b %Y} and is still open.\n\n"
        f"{about.subject}\n{about.text}\n\n"
        f"Closes by itself once that task is over. You are told of it once.\nWritten by refsync, rule {told.rule.name}."
    )
    return Finding(
        key=told.key,
        rule=told.rule.name,
        kind=ESCALATION,
        subject_kind=SUBJECT,
        subject_id=about.key,
        account_id=about.account_id,
        contact_id=about.contact_id,
        deal_id=about.deal_id,
        owner_id=told.owner_id,
        state=State.SENDING,
        subject=f"Overdue with {holder}: {about.subject}",
        text=said,
        do="to-do",
        priority="high",
        due_on=told.due_on,
        due_at=told.due_at,
        opened_at=run.now,
        run=run.id,
    )
