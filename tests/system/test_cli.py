"""The commands as an admin meets them: from init to the first task, with a folder of CSV files as the CRM."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from refsync.model import moment, parse_instant
from refsync_sandbox.generator import write_book

NOW = "2026-11-20T12:00:00Z"


class Admin:
    """Somebody at a shell in a folder with a book of business."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def refsync(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from refsync.cli.main import main; main()", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=self.folder)
        assert code == done.returncode, f"{arguments}: {done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.refsync(*arguments, "--json", code=code).stdout)

    def go_live(self, *, approved: bool = True) -> None:
        for path in (self.folder / "rules").glob("*.toml"):
            text = path.read_text().replace('mode     = "watch"', 'mode     = "live"')
            path.write_text(text.replace('settle       = "1 hour"', 'settle       = "0 hours"'))
        if approved:
            self.refsync("approve", "*", "--existing", "all")

    def tasks(self) -> list[dict[str, str]]:
        path = self.folder / "book" / "tasks.csv"
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def admin(tmp_path: Path) -> Admin:
    write_book(tmp_path / "book", accounts=60, seed=2, now=moment(parse_instant(NOW)))
    made = Admin(tmp_path)
    made.refsync("init")
    return made


def test_from_init_to_the_first_task(admin: Admin) -> None:
    """init, check, dry run, live, sync, again: tasks appear once, in the place and number that were announced."""
    assert 0 == admin.json("check")["errors"]
    admin.refsync("sync", "--now", NOW)
    assert [] == admin.tasks()
    admin.go_live()
    (planned,) = admin.json("sync", "--dry-run", "--now", NOW)["connections"]
    assert [] == admin.tasks()
    (done,) = admin.json("sync", "--now", NOW)["connections"]
    (again,) = admin.json("sync", "--now", NOW)["connections"]

    assert planned["planned"] == done["created"] == len(admin.tasks()) > 5
    assert {task["key"] for task in planned["tasks"]} == {task["key"] for task in admin.tasks()}
    assert (0, 0) == (again["created"], again["closed"])


def test_status_tells_whether_data_is_fresh(admin: Admin) -> None:
    """status exits 0 right after a sync and 1 a day later; before the first sync it says what to do."""
    assert "refsync sync" in admin.refsync("status", code=2).stderr
    admin.refsync("sync", "--now", NOW)
    (fresh,) = admin.json("status", "--now", NOW)["connections"]
    (stale,) = admin.json("status", "--now", "2026-11-21T12:00:00Z", code=1)["connections"]

    assert (True, False) == (fresh["fresh"], stale["fresh"])
    assert 60 == fresh["streams"]["accounts"]["rows"]
    assert "done" == fresh["runs"][0]["outcome"]


def test_init_never_overwrites(admin: Admin) -> None:
    """A second init changes nothing and says so."""
    before = (admin.folder / "config.toml").read_text()
    done = admin.refsync("init", code=2)

    assert "it is there already" in done.stderr
    assert before == (admin.folder / "config.toml").read_text()


def test_broken_config_is_one_report(admin: Admin) -> None:
    """Every problem of a config.toml with its place, for every command that reads it."""
    path = admin.folder / "config.toml"
    path.write_text(path.read_text() + '\nlog_levle = "info"\n[connection.two]\nconnector = "fils"\n')
    for command in (["sync"], ["status"], ["daemon"], ["check"], ["rules", "check"]):
        done = admin.refsync(*command, code=2)
        assert 'did you mean "files"?' in done.stderr
        assert "config.toml:" in done.stderr


def test_unknown_option_of_a_connector(admin: Admin) -> None:
    """A misspelt option of a connector is found by check, with its line and what was meant."""
    path = admin.folder / "config.toml"
    path.write_text(path.read_text().replace('folder = "book"', 'foldr = "book"'))
    found = admin.json("check", code=1)["problems"]

    assert ['did you mean "folder"?'] == [problem["hint"] for problem in found if "foldr" in problem["message"]]
    assert all(problem["line"] for problem in found)


def test_rules_that_do_not_check_are_never_run(admin: Admin) -> None:
    """With one broken rule file sync refuses, and nothing is written."""
    admin.go_live()
    (admin.folder / "rules" / "mine.toml").write_text('title = "Mine"\nfor_each = "acount"\nkind = "care"\n')
    done = admin.refsync("sync", "--now", NOW, code=2)
    checked = admin.json("rules", "check", code=1)

    assert "mine.toml:2" in done.stderr
    assert 'did you mean "account"?' in done.stderr
    assert [] == admin.tasks()
    assert checked["errors"] >= 1
    assert {"file", "line", "column", "message", "hint", "severity"} == set(checked["problems"][0])


def test_bad_rows_are_set_aside_and_the_rest_goes_on(admin: Admin) -> None:
    """A malformed date, a duplicate and a link to nowhere: reported with their line, counted, and the sync goes on."""
    admin.go_live()
    with (admin.folder / "book" / "contacts.csv").open("a", encoding="utf-8") as file:
        file.write("X-1,A-nowhere,Nobody,,,,,2024-01-01T00:00:00Z,false\n")
        file.write("X-2,,Somebody,,,,,yesterday,false\n")
    found = admin.json("check", code=1)["problems"]
    (done,) = admin.json("sync", "--now", NOW)["connections"]

    assert {"A-nowhere", "yesterday"} <= {word for problem in found for word in problem["message"].replace('"', " ").split()}
    assert all("contacts.csv" in problem["file"] and problem["line"] for problem in found)
    assert 2 == done["set_aside"]
    assert len(admin.tasks()) == done["created"] > 5


def test_a_cut_off_file_deletes_nothing_until_it_is_confirmed(admin: Admin) -> None:
    """When a third of a file is missing nothing goes; the command that the message names lets it go."""
    admin.refsync("sync", "--now", NOW)
    path = admin.folder / "book" / "deals.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) * 2 // 3]))
    (admin.folder / "book" / "deal_contacts.csv").unlink()
    first, second = (admin.json("sync", "--now", NOW, code=1)["connections"][0]["partial"] for _ in range(2))
    (status,) = admin.json("status", "--now", NOW, code=1)["connections"]
    why = {rule["rule"]: rule["held"] for rule in admin.json("why", "A-000001", "--now", NOW)["rules"]}
    held = status["streams"]["deals"]["rows"]
    commands = [reason.partition("say so: refsync ")[2].split() for reason in first.values()]
    for command in commands:
        done = admin.json(*command, "--now", NOW, code=1 if command is not commands[-1] else 0)["connections"][0]
    left = admin.json("status", "--now", NOW)["connections"][0]["streams"]["deals"]["rows"]

    assert {"deals", "deal_contacts"} <= set(first)
    assert f"held.deals: {first['deals']}" == status["held_rules"]["ask-referral-after-milestone"]
    assert status["held_rules"]["ask-referral-after-milestone"] == why["ask-referral-after-milestone"]
    assert "" == why["reconnect-neglected-customer"]
    assert (first, len(lines) - 1) == (second, held)
    assert ({}, len(lines) * 2 // 3 - 1) == (done["partial"], left)


def test_deletes_are_confirmed_for_one_connection(admin: Admin) -> None:
    """With several connections the one that is meant has to be named."""
    path = admin.folder / "config.toml"
    path.write_text(path.read_text() + '\n[connection.two]\nconnector = "files"\nfolder = "book"\n')

    assert "name it with --connection" in admin.refsync("sync", "--confirm-deletes", "deals", code=2).stderr
    assert "deals" in admin.refsync("sync", "--confirm-deletes", "dealz", code=2).stderr


def test_why_names_the_line_that_decides(admin: Admin) -> None:
    """why shows each line with what it saw, what counted as contact, and the task that was written."""
    admin.go_live()
    admin.refsync("sync", "--now", NOW)
    task = next(task for task in admin.tasks() if task["rule"] == "reconnect-neglected-customer")
    shown = admin.json("why", task["account_id"], "--now", NOW)
    (rule,) = (rule for rule in shown["rules"] if rule["rule"] == task["rule"])
    (line,) = (line for line in rule["lines"] if line["line"].startswith("account.last_touch"))

    assert (True, "yes") == (rule["matches"], line["answer"])
    assert "reconnect-neglected-customer.toml:" in line["place"]
    assert (task["key"], "open") == (shown["findings"][0]["key"], shown["findings"][0]["state"])
    assert shown["name"] in admin.refsync("why", task["account_id"], "--now", NOW).stdout
    assert "no account" in admin.refsync("why", "Nobody & Sons", code=2).stderr


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", ""])
def test_a_bad_now_is_refused(admin: Admin, text: str) -> None:
    """--now must be an instant."""
    assert "no instant" in admin.refsync("sync", "--now", text, code=2).stderr
