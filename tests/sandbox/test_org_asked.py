"""The statements that an org is asked, written down for a judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from refsync_sandbox.salesforce.asked import VARIABLE
from tests.sandbox.salesforce_org import DATA, Caller, served, write_book

ACCOUNTS, CASES, TASKS = ("SELECT Id FROM Account", "SELECT Id FROM Case", "SELECT Id FROM Task")


def ask(caller: Caller) -> None:
    """Ask in each way that there is, one statement twice."""
    for _ in range(2):
        caller.rows(ACCOUNTS)
    inner = {"referenceId": "a", "method": "GET", "url": f"{DATA}/queryAll?q={CASES.replace(' ', '+')}"}
    caller.call("POST", "composite", json={"allOrNone": False, "compositeRequest": [inner]})
    caller.call("POST", "jobs/query", json={"operation": "queryAll", "query": TASKS})
    caller.call("GET", "sobjects/Account/describe")


def test_every_statement_is_written_down_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone, within another call, or as the query of a job: each statement is a line of the file that the variable names."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "asked.jsonl"))
    for number in range(2):  # sandboxes one after the other write into one file
        (tmp_path / str(number)).mkdir()
        with served(write_book(tmp_path / str(number))) as caller:
            ask(caller)

    lines = (tmp_path / "asked.jsonl").read_text().splitlines()
    assert 2 * [ACCOUNTS, CASES, TASKS] == [json.loads(line) for line in lines]


def test_nothing_is_written_unless_somebody_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable an org keeps no statement."""
    monkeypatch.delenv(VARIABLE, raising=False)
    with served(write_book(tmp_path)) as caller:
        before = set(tmp_path.iterdir())
        ask(caller)

    assert before == set(tmp_path.iterdir())
