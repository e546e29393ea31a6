"""plan, apply, undo, approve and pause as an admin meets them, with a folder of CSV files as the CRM."""

from __future__ import annotations

import csv
import io
import signal
import subprocess
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from refsync.cli.main import main
from refsync.model import moment, parse_instant
from refsync_sandbox.generator import write_book
from tests.system.test_cli import NOW
from tests.system.test_cli import Admin as Shell

NEGLECTED = "reconnect-neglected-customer"


class Admin(Shell):
    """The same somebody, without a process for each command: there are many here."""

    def refsync(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        said, complaints = io.StringIO(), io.StringIO()
        heard = (redirect_stdout(said), redirect_stderr(complaints), patch("sys.argv", ["refsync", *arguments]))
        with chdir(self.folder), heard[0], heard[1], heard[2], pytest.raises(SystemExit) as ended:
            main()
        done = subprocess.CompletedProcess(arguments, int(ended.value.code or 0), said.getvalue(), complaints.getvalue())
        assert code == done.returncode, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done

    def set_modes(self, old: str, new: str) -> None:
        for path in (self.folder / "rules").glob("*.toml"):
            path.write_text(path.read_text().replace(f'mode     = "{old}"', f'mode     = "{new}"'))


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Admin]:
    """Return an admin whose rules are live and whose first matches are not approved."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    write_book(tmp_path / "book", accounts=60, seed=2, now=moment(parse_instant(NOW)))
    made = Admin(tmp_path)
    made.refsync("init")
    made.go_live(approved=False)
    yield made
    for number, handler in handlers.items():
        signal.signal(number, handler)


def made(admin: Admin, *more: str, code: int = 0) -> Any:
    """Return the plan that the admin makes."""
    (found,) = admin.json("plan", "--now", NOW, *more, code=code)["plans"]
    return found


def set_limit(admin: Admin, name: str, value: int) -> None:
    path = admin.folder / "rules" / "company.toml"
    lines = path.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(name)]
    at = kept.index("[limits]") + 1
    path.write_text("\n".join([*kept[:at], f"{name} = {value}", *kept[at:]]) + "\n")


def rewritten(admin: Admin, key: str, **cells: str) -> None:
    """Change cells of a task, as a rep does in a spreadsheet."""
    tasks = [row | cells if row["key"] == key else row for row in admin.tasks()]
    with (admin.folder / "book" / "tasks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, tasks[0])
        writer.writeheader()
        writer.writerows(tasks)


def test_first_matches_wait_until_somebody_decides(admin: Admin) -> None:
    """A rule gone live writes nothing about what it matched then, until all, none or the oldest few may have a task."""
    (first,) = admin.json("sync", "--now", NOW)["connections"]
    assert [] == admin.tasks()
    waits = {one["rule"]: one for one in admin.json("approve", code=1)["connections"][0]["first_matches"]}
    assert first["first_matches"][NEGLECTED] == waits[NEGLECTED]["held"] > 3
    thanks = [one for rule, one in waits.items() if rule.startswith(("thank-", "tell-"))]
    assert (0, True) == (sum(one["held"] for one in thanks), sum(one["refused"] for one in thanks) > 0)

    told = admin.json("approve", NEGLECTED, "3", "--existing", "oldest")["approved"]
    assert [3] == [one["count"] for one in told]
    admin.refsync("sync", "--now", NOW)
    few = len(admin.tasks())
    admin.refsync("approve", NEGLECTED, "--existing", "all")
    admin.refsync("approve", "ask-*", "--existing", "none")
    admin.refsync("sync", "--now", NOW)

    assert 0 < few <= 3 < len(admin.tasks())
    assert {NEGLECTED} == {task["rule"] for task in admin.tasks()}
    assert "nothing called" in admin.refsync("approve", "nonsense", code=2).stderr
    assert "no live rule" in admin.refsync("approve", "nonsense", "--existing", "all", code=2).stderr


def test_apply_does_exactly_the_plan(admin: Admin) -> None:
    """What is written is what was shown, word for word; applied again there is nothing to do."""
    admin.refsync("plan", "--now", NOW)
    admin.refsync("approve", "*", "--existing", "all")
    plan = made(admin)
    assert [] == admin.tasks()
    done = admin.json("apply", plan["id"], "--now", NOW)
    again = admin.json("apply", plan["id"], "--now", NOW, code=1)

    words = ("key", "subject", "text", "due_on", "owner_id", "rule", "do")
    assert {tuple(task[word] for word in words) for task in plan["create"]} == {
        tuple(task[word] for word in words) for task in admin.tasks()
    }
    assert done["created"] == len(plan["create"]) > 5
    assert "nothing is left to do" in again["refused"]
    assert all(held["rank"] >= 1 and held["reason"] for held in plan["hold"] if held["reason"] != "settle")
    assert f"# Plan {plan['id']}" in admin.refsync("plan", plan["id"], "--markdown").stdout
    assert "there is no plan" in admin.refsync("apply", "ffffff", code=2).stderr


def test_stale_plan_is_refused(admin: Admin) -> None:
    """Other rules, or too much time, refuse a plan as a whole; a changed fact leaves out the one task."""
    admin.refsync("plan", "--now", NOW)
    admin.refsync("approve", "*", "--existing", "all")
    plan = made(admin)
    late = admin.json("apply", plan["id"], "--now", "2026-11-28T12:00:00Z", code=1)
    rule = admin.folder / "rules" / f"{NEGLECTED}.toml"
    text = rule.read_text()
    rule.write_text(text + "# edited\n")
    edited = admin.json("apply", plan["id"], "--now", NOW, code=1)
    rule.write_text(text)
    task = next(one for one in plan["create"] if one["rule"] == NEGLECTED)
    with (admin.folder / "book" / "activities.csv").open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    call = {"id": "new", "kind": "call", "direction": "in", "at": "2026-11-20T11:00:00Z", "status": "done"}
    call |= {"account_id": task["account_id"]}
    with (admin.folder / "book" / "activities.csv").open("a", newline="", encoding="utf-8") as file:
        csv.DictWriter(file, header, restval="").writerow({name: cell for name, cell in call.items() if name in header})
    done = admin.json("apply", plan["id"], "--now", NOW, code=1)

    assert "older than 3 days" in late["refused"]
    assert "the rules have changed" in edited["refused"]
    assert {task["key"]} <= set(done["left"])
    assert task["key"] not in {one["key"] for one in admin.tasks()}
    assert {one["key"] for one in plan["create"]} - set(done["left"]) == {one["key"] for one in admin.tasks()}


def test_too_large_a_run_waits_for_an_approval(admin: Admin) -> None:
    """More new tasks than new_tasks_per_run: none of them is written until the plan, or the rules' hash, is approved."""
    admin.set_modes("live", "watch")
    admin.refsync("sync", "--now", NOW)
    admin.set_modes("watch", "live")
    set_limit(admin, "new_tasks_per_run", 2)
    admin.refsync("approve", "*", "--existing", "all")
    (stopped,) = admin.json("sync", "--now", NOW, code=1)["connections"]
    refused = admin.json("apply", stopped["plan"], "--now", NOW, code=1)["refused"]
    (waits,) = admin.json("approve", code=1)["connections"]
    assert ("limits.new_tasks_per_run", []) == (stopped["stopped_by"], admin.tasks())
    assert [stopped["plan"]] == [one["id"] for one in waits["plans"]]
    assert f"refsync approve {stopped['plan']}" in refused

    shown = made(admin)
    admin.refsync("approve", shown["rules"])
    (done,) = admin.json("sync", "--now", NOW)["connections"]
    assert "nothing waits" in admin.refsync("approve").stdout
    assert {one["key"] for one in shown["create"]} == {task["key"] for task in admin.tasks()}
    assert done["created"] == len(admin.tasks()) > 2


def test_undo_takes_back_what_nobody_touched(admin: Admin) -> None:
    """Untouched tasks of a run go and do not come again; a rewritten one stays, and what may come again is said."""
    admin.refsync("plan", "--now", NOW)
    admin.refsync("approve", "*", "--existing", "all")
    (done,) = admin.json("sync", "--now", NOW)["connections"]
    kept, *gone = admin.tasks()
    rewritten(admin, kept["key"], subject="Mine now")
    undone = admin.json("undo", done["run"], "--now", NOW, code=1)
    after = [task["key"] for task in admin.tasks()]
    admin.refsync("sync", "--now", NOW)
    accounts = {(task["rule"], task["account_id"]) for task in gone}
    quiet = {(task["rule"], task["account_id"]) for task in admin.tasks() if task["key"] != kept["key"]}

    assert ([kept["key"]], len(gone)) == (after, len(undone["removed"]))
    assert {kept["key"]: "a person edited it"} == {one["key"]: one["why"] for one in undone["left"]}
    assert not accounts & quiet
    admin.refsync("approve", done["run"])
    admin.refsync("sync", "--now", "2026-11-23T12:00:00Z", code=0)
    assert accounts & {(task["rule"], task["account_id"]) for task in admin.tasks()}
    assert [] == [task for task in admin.tasks() if task["key"] in {one["key"] for one in gone}]


def test_pause_stops_writing_and_says_so(admin: Admin) -> None:
    """Nothing is written for what is paused; status says why, and resume lets it go on."""
    admin.refsync("plan", "--now", NOW)
    admin.refsync("approve", "*", "--existing", "all")
    admin.refsync("pause", NEGLECTED, "--why", "the texts are wrong")
    (rule,) = admin.json("sync", "--now", NOW)["connections"]
    written = {task["rule"] for task in admin.tasks()}
    admin.refsync("pause", "--why", "board meeting")
    (all_,) = admin.json("sync", "--now", "2026-11-24T12:00:00Z", code=1)["connections"]
    count = len(admin.tasks())
    (status,) = admin.json("status", "--now", "2026-11-24T12:00:00Z")["connections"]
    admin.refsync("resume", NEGLECTED)
    admin.refsync("resume")
    admin.refsync("resume", code=1)
    admin.refsync("sync", "--now", "2026-11-24T12:00:00Z")

    assert written
    assert NEGLECTED not in written
    assert rule["held_by"]["paused"] > 0
    assert (0, True) == (all_["created"], "board meeting" in all_["not_written"])
    assert [(None, "board meeting"), (NEGLECTED, "the texts are wrong")] == [
        (one["rule"], one["why"]) for one in status["paused"]
    ]
    assert len(admin.tasks()) > count
    assert "no connection and no rule" in admin.refsync("pause", "nonsense", code=2).stderr


def test_story_and_orphans(admin: Admin) -> None:
    """history tells what happened to a customer's tasks; orphans lists who is looked after by nobody, and who steps in."""
    admin.refsync("plan", "--now", NOW)
    admin.refsync("approve", "*", "--existing", "all")
    admin.refsync("sync", "--now", NOW)
    task = admin.tasks()[0]
    story = admin.json("history", task["account_id"])["story"]
    orphans = admin.json("orphans", code=1)["orphans"]
    with (admin.folder / "book" / "users.csv").open(newline="", encoding="utf-8") as file:
        inactive = {row["id"] for row in csv.DictReader(file) if row["active"] == "false"}
    with (admin.folder / "book" / "accounts.csv").open(newline="", encoding="utf-8") as file:
        customers = [row for row in csv.DictReader(file) if row["status"] == "customer"]

    assert ["sending", "open"] == [line["after"] for line in story if line["key"] == task["key"]]
    assert {row["id"] for row in customers if row["owner_id"] in inactive} == {one["account_id"] for one in orphans}
    assert all(one["instead_id"] not in inactive for one in orphans)


def test_watching_rules_tell_what_they_would_write(admin: Admin) -> None:
    """What a rule in watch mode would have written is in the run record, in status and in a plan."""
    admin.set_modes("live", "watch")
    (ticked,) = admin.json("sync", "--now", NOW)["connections"]
    (status,) = admin.json("status", "--now", NOW)["connections"]
    plan = made(admin)

    assert ticked["watched"]["rules"][NEGLECTED]["would_write"] > 0
    assert ticked["watched"] == status["watched"]
    assert len(plan["watch"]) == sum(of["would_write"] for of in ticked["watched"]["rules"].values())
    assert [] == plan["create"] == admin.tasks()
