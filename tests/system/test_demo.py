"""The demo as a user runs it: three CRMs, the same matches and tasks, nothing on the second run; and bad input."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from refsync.model import moment, parse_instant
from refsync_sandbox.generator import write_book
from tests.oddities import spoil

NOW = "2026-11-20T12:00:00Z"
CRMS = ["files", "salesforce", "hubspot"]


def refsync(*arguments: str, code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line and return what it printed."""
    command = [sys.executable, "-c", "from refsync.cli.main import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, **options)
    assert code == done.returncode, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("book")
    write_book(folder, accounts=300, seed=7, now=moment(parse_instant(NOW)), second_accounts=0.2)
    spoil(folder)
    return folder


@pytest.fixture(scope="module")
def demos(book: Path) -> dict[str, dict[str, Any]]:
    """Return what the demo reports for each CRM on the same book."""
    return {crm: json.loads(refsync("demo", "--crm", crm, "--book", str(book), "--now", NOW, "--json").stdout) for crm in CRMS}


@pytest.mark.parametrize("crm", CRMS)
def test_second_tick_creates_nothing(demos: dict[str, dict[str, Any]], crm: str) -> None:
    """Tasks are written in the first tick, all of them are in the CRM, and the second tick writes none."""
    first, second = demos[crm]["ticks"]

    assert first["created"] == len(demos[crm]["tasks"]) > 10
    assert (0, 0) == (second["created"], second["closed"])


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
def test_crms_agree(demos: dict[str, dict[str, Any]], crm: str) -> None:
    """The same book in another CRM gives the same matches and the same tasks.

    But for HubSpot, where an introduction is as old as the contact who was introduced, and since when it has its status nobody
    says: of two sources another may be thanked first, and where a task is lacking a full day has room for another.
    """
    left_out = {"tell-source-met"} if crm == "hubspot" else set[str]()
    other_days = {task["owner"] for task in demos["files"]["tasks"] if task["rule"] in left_out}

    def tasks(of: str) -> list[tuple[str, ...]]:
        found = [task for task in demos[of]["tasks"] if task["owner"] not in other_days]
        told = ((task, crm == "hubspot" and "source" in task["rule"]) for task in found)
        return sorted(
            ("", task["rule"], task["due_on"], task["owner"], "") if thanks else (task["account"] or "", *_task(task))
            for task, thanks in told
        )

    def matches(of: str) -> dict[str, int]:
        return {rule: count for rule, count in demos[of]["ticks"][0]["matches"].items() if rule not in left_out}

    assert matches("files") == matches(crm)
    assert tasks("files") == tasks(crm)
    assert len(other_days) < 3


def _task(task: dict[str, Any]) -> tuple[str, ...]:
    person = "" if task["rule"] == "follow-up-introduction" else task["contact"]  # a contact in HubSpot alone
    return task["rule"], task["due_on"], task["owner"], person


MOTIONS = {
    # motion: rules that make it, and the evidence that a rep finds in their texts
    "M1 neglected": {"reconnect-neglected-customer": r"(?s)Nobody has been in touch with .+ for .+Last contact: "},
    "M2 neglected people": {"account-warm-people-cold": r"(?s)was in touch on .+ nobody spoke to these people for .+Begin with "},
    "M3 dormant: reconnect": {"reconnect-after-long-silence": r"(?s)last conversation .+ was on .+Do not ask"},
    "M3 dormant: then ask": {
        "ask-after-reconnect": r"(?s)had been silent for more than .+ until the conversation of .+Last contact: "
    },
    "M4 milestone": {"ask-referral-after-milestone": r"(?s)reached a milestone: \w+ on .+ \(.+\).+Last asked: "},
    "M5 thanked us": {"ask-referral-after-thanks": r"Where it says so: .*= 2026-"},
    "M5 came by referral": {"ask-came-by-referral": r"came to us through an introduction \(deal .+ won on "},
    "M6 other divisions": {"ask-other-divisions": r"In the same group and without a deal with us: \w"},
    "M6 what to ask for": {"ask-referral-after-milestone": r"Ask for an introduction: other division or peer elsewhere"},
    "M7 follow up": {"follow-up-introduction": r"introduced .+ on .+ It stands at: (new|no answer)"},
    "M8 thanks by call": {"thank-source-call": r"introduced .+ on "},
    "M8 thanks by e-mail": {"thank-source-email": r"introduced .+ on .+ Called since: "},
    "M8 thanks by note": {"thank-source-note": r"introduced .+ on .+ It stands at: "},
    "M9 how it went": {"tell-source-met": r"we met on ", "tell-source-outcome": r"Since .+ the deal is (won|lost)"},
}


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
def test_every_motion_occurs(demos: dict[str, dict[str, Any]], crm: str) -> None:
    """In each CRM a rep finds a task of every motion, with who, when, and what the CRM shows, and somebody to turn to."""
    tasks = demos[crm]["tasks"]
    missing = [
        motion
        for motion, evidence in MOTIONS.items()
        if not any(
            task["rule"] in evidence and task["owner"] and re.search(evidence[task["rule"]], task["text"]) for task in tasks
        )
    ]
    coverage = demos[crm]["coverage"]

    assert [] == missing
    assert {"M10 coverage": True} == {"M10 coverage": 0 < coverage["all"]["coverage"] < 100 and len(coverage["rows"]) >= 5}
    assert [14] * len(coverage["rows"]) == [len(row["checklist"]) for row in coverage["rows"]]


def test_requests_are_counted(demos: dict[str, dict[str, Any]]) -> None:
    """The CRM itself counts the requests, by endpoint."""
    for crm in ("salesforce", "hubspot"):
        requests = demos[crm]["requests"]
        assert requests["total"] == sum(requests["by_endpoint"].values()) > 5


def test_preview_lists_exact_matches_with_names(book: Path) -> None:
    """`rules preview --list --json` gives every match of a book before any cap, with names and facts."""
    done = refsync("rules", "preview", "reconnect-neglected-customer", "--list", "--json", "--book", str(book), "--now", NOW)
    shown = json.loads(done.stdout)

    assert shown["count"] == len(shown["matches"]) > 10
    assert {"account", "account_id", "contact", "owner", "facts", "ready"} == set(shown["matches"][0])
    assert "account.last_touch" in shown["matches"][0]["facts"]


def test_book_with_a_missing_column_is_refused(book: Path, tmp_path: Path) -> None:
    """Every problem with its place, exit code 2, no traceback."""
    for path in book.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    lines = (tmp_path / "accounts.csv").read_text().splitlines()
    (tmp_path / "accounts.csv").write_text("\n".join([lines[0].replace("tier", "tire"), *lines[1:]]))
    (tmp_path / "users.csv").unlink()
    done = refsync("demo", "--crm", "files", "--book", str(tmp_path), "--now", NOW, code=2)

    assert "accounts.csv:1" in done.stderr
    assert "tier" in done.stderr
    assert "users.csv" in done.stderr


def test_rules_that_do_not_check_write_nothing(book: Path, tmp_path: Path) -> None:
    """A typo in a rule file is an error with its place, and the demo does not begin."""
    refsync("init", str(tmp_path))
    rule = tmp_path / "rules" / "reconnect-neglected-customer.toml"
    rule.write_text(rule.read_text().replace('"customer"', '"custommer"'))
    done = refsync("demo", "--book", str(book), "--rules", str(tmp_path / "rules"), "--now", NOW, code=2)
    check = refsync("rules", "check", "--rules", str(tmp_path / "rules"), code=1)

    for text in (done.stderr, check.stderr):
        assert "reconnect-neglected-customer.toml:" in text
        assert 'did you mean "customer"?' in text
    assert "" == done.stdout
