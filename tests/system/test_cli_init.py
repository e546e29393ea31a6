"""`refsync init`: rules only watch, except those that somebody wants, by name or by saying yes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

from refsync.rules.files.folder import load
from refsync.rules.rule import Mode
from tests.system.test_demo import refsync


def live(folder: Path) -> list[str]:
    return [rule.name for rule in load(folder / "rules").rules if rule.mode is Mode.LIVE]


def test_rules_only_watch_and_bring_their_tests(tmp_path: Path) -> None:
    """Without a wish nothing is live; the tests of the rules are copied, too, and pass."""
    told = json.loads(refsync("init", str(tmp_path / "made"), "--json").stdout)
    tested = refsync("rules", "test", "--rules", str(tmp_path / "made" / "rules")).stdout

    assert [] == told["live"] == live(tmp_path / "made")
    assert "0 failed" in tested


def test_named_rules_are_live_with_what_comes_before_them(tmp_path: Path) -> None:
    """--live takes names and patterns; an ask brings the rule that reconnects first."""
    options = ("--live", "ask-referral-after-milestone", "--live", "thank-source-*")
    told = json.loads(refsync("init", str(tmp_path / "made"), "--json", *options).stdout)
    thanks = ["thank-source-call", "thank-source-email", "thank-source-note"]

    assert ["ask-referral-after-milestone", "reconnect-before-asking", *thanks] == told["live"] == live(tmp_path / "made")


def test_an_unknown_rule_writes_nothing(tmp_path: Path) -> None:
    """A misspelt name is refused with the right one before anything is written."""
    refused = refsync("init", str(tmp_path / "made"), "--live", "reconect-neglected-customer", code=2)

    assert 'did you mean "reconnect-neglected-customer"?' in refused.stderr
    assert not (tmp_path / "made").exists()


def test_a_person_on_a_terminal_is_asked(tmp_path: Path) -> None:
    """Yes to the first question turns the reconnecting rules live, no to the others leaves them watching."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from refsync.cli.main import main; main()", "init", str(tmp_path / "made")]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, text=True) as process:
        os.write(ours, b"y\nn\n\nn\n")
        said = process.communicate(timeout=60)[0]
    os.close(ours)
    os.close(theirs)

    assert 0 == process.returncode
    assert 4 == said.count("[y/N]")
    assert "reconnect-neglected-customer" in live(tmp_path / "made")
    assert not [name for name in live(tmp_path / "made") if name.startswith(("ask-", "thank-"))]
