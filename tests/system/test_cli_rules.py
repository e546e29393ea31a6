"""The commands that tell what rules would do, on a book of CSV files: exit codes, JSON, and what people read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from refsync.bundled import bundled
from refsync.cli.rules.commands import app
from refsync.errors import UserError
from refsync.model import moment, parse_instant
from refsync_sandbox.generator import write_book

NOW = "2026-11-20T09:00:00Z"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a generated book of 40 accounts."""
    folder = tmp_path_factory.mktemp("book")
    write_book(folder, accounts=40, seed=7, now=moment(parse_instant(NOW)))
    return folder


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """Return a copy of the shipped rules in a git repository, then edited: whoever was silent for ten days is neglected."""
    folder = tmp_path / "rules"
    for source in bundled("rules").rglob("*.toml"):
        target = folder / source.relative_to(bundled("rules"))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "as shipped"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)
    segments = folder / "segments.toml"
    segments.write_text(segments.read_text().replace('reconnect_after = "60 days"', 'reconnect_after = "10 days"'))
    return folder


def run(*words: str) -> str:
    """Return what `refsync rules …` prints."""
    done = CliRunner().invoke(app, [*words, "--now", NOW], catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert 0 == done.exit_code, done.output
    return done.stdout


def test_preview_of_all_rules(book: Path) -> None:
    """Without a name every rule that is not off is told, with its steps and weeks, as JSON and for people."""
    rules = orjson.loads(run("preview", "--book", str(book), "--json"))["rules"]
    told = run("preview", "reconnect-neglected-customer", "--book", str(book), "--set", "core.reconnect_after=1 year")

    assert {"coverage-low", "reconnect-neglected-customer", "thank-source-call"} <= {one["rule"] for one in rules}
    assert all(one["steps"][-1]["left"] == one["count"] for one in rules)
    assert "instead of" in told
    assert "At your caps:" in told


def test_check_with_data(book: Path) -> None:
    """`--data` adds what only the data tell; hints leave the exit code at 0."""
    found = orjson.loads(run("check", "--data", "--book", str(book), "--json"))

    assert 0 == found["errors"]
    assert any("matches nobody now" in problem["message"] for problem in found["problems"])


def test_diff_with_a_revision(book: Path, edited: Path) -> None:
    """The edited folder is compared with its last revision; Markdown names the setting and the rules that change."""
    told = run("diff", "--against", "git:HEAD", "--rules", str(edited), "--book", str(book), "--markdown")

    assert "`core.reconnect_after 60 days -> 10 days`" in told
    assert "| reconnect-neglected-customer |" in told
    assert "refsync approve " in told
    for wrong, why in (("git:nothing", "git knows no rules"), ("yesterday", "nothing to compare with")):
        with pytest.raises(UserError, match=why):
            run("diff", "--against", wrong, "--rules", str(edited), "--book", str(book))


def test_backtest_of_two_settings(book: Path) -> None:
    """Two weeks, as the rules stand and with a setting, side by side."""
    words = ("--days", "14", "--set", "*.reconnect_after=10", "--book", str(book), "--json")
    stands, tried = orjson.loads(run("backtest", *words))["connections"]["book"]

    assert ("", "*.reconnect_after=10") == (stands["with"], tried["with"])
    assert 11 == stands["days"]
    assert sum(week["tasks"] for week in stands["weeks"]) == sum(stands["rules"].values()) > 0
    assert tried["rules"] != stands["rules"]


@pytest.mark.parametrize(
    ("what", "name", "rules"),
    [
        ("A-000001", "", {"reconnect-neglected-customer"}),
        ("https://acme.lightning.force.com/lightning/r/Account/A-000001/view", "", {"reconnect-neglected-customer"}),
        ("C-000001-1", "", {"reconnect-neglected-customer", "stay-in-touch-people"}),
        ("U-0001", "Nadia Velstead", {"coverage-low"}),
        ("nadia velstead", "Nadia Velstead", {"coverage-low"}),
    ],
)
def test_explain_by_id_name_and_address(book: Path, what: str, name: str, rules: set[str]) -> None:
    """An account, a person and a rep are found by id, by name and by the address of their page."""
    told = orjson.loads(run("explain", what, "--book", str(book), "--json"))

    assert told["name"].startswith(name)
    assert rules <= {one["rule"] for one in told["rules"]}
    if what.startswith("C-"):
        assert {what} == {one["subject_id"] for one in told["rules"] if one["subject_kind"] == "contact"}


def test_explain_guesses_nothing(book: Path) -> None:
    """What fits nothing is told so, what fits several names them."""
    with pytest.raises(UserError, match="there is no account, person, rep or task"):
        run("explain", "nobody at all", "--book", str(book))
    with pytest.raises(UserError, match="may mean several"):
        run("explain", "A", "--book", str(book))
