"""The tools for writing rules: facts, the editor's schema, new, fmt, silence."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from refsync.cli.rules.commands import app
from refsync.errors import RuleError
from refsync.rules.facts.registry import FACTS, facts_of
from refsync.rules.files.folder import SHARED, check, load
from refsync.rules.files.layout import laid_out
from refsync.rules.files.schema import rule_schema
from refsync.rules.rule import Mode

SHIPPED = Path(__file__).parents[2] / "rules"
RULES = load(SHIPPED)
FILES = sorted(path for path in SHIPPED.glob("*.toml") if path.stem not in SHARED)
SCHEMA = rule_schema(facts_of(RULES), ["signed", "implemented", "roi", "thanked"], {"ask_after", "thank_steps"})


def run(*words: str) -> tuple[int, str]:
    """Return the exit code of `refsync rules …` and what it printed. What cannot run raises."""
    done = CliRunner().invoke(app, [*words], catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the shipped rules."""
    shutil.copytree(SHIPPED, tmp_path / "rules")
    return tmp_path / "rules"


def marks(value: Any, schema: dict[str, Any], at: str = "") -> list[str]:
    """Return where a value does not fit a schema, for the keywords that the schema of rules uses."""
    if "$ref" in schema:
        return marks(value, SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]], at)
    if "anyOf" in schema:
        return [] if any(not marks(value, one, at) for one in schema["anyOf"]) else [at]
    if "enum" in schema:
        return [] if value in schema["enum"] else [at]
    kinds = {"string": str, "object": dict, "array": list, "boolean": bool, "integer": int, "number": (int, float)}
    if not isinstance(value, kinds[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):  # type: ignore[arg-type]
        return [at]
    if isinstance(value, str):
        return [] if re.search(schema.get("pattern", ""), value) else [at]
    if isinstance(value, list):
        return [mark for number, one in enumerate(value) for mark in marks(one, schema["items"], f"{at}[{number}]")]
    if not isinstance(value, dict):
        return []
    found = [f"{at}.{name}" for name in schema.get("required", ()) if name not in value]
    for name, one in value.items():
        known = schema.get("properties", {})
        if name in known:
            found += marks(one, known[name], f"{at}.{name}")
        elif schema.get("additionalProperties") is False:
            found.append(f"{at}.{name}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_schema_accepts_every_shipped_rule(path: Path) -> None:
    """What the check accepts the schema accepts, too."""
    assert [] == marks(tomllib.loads(path.read_text()), SCHEMA)


@pytest.mark.parametrize(
    ("old", "new", "mark"),
    [
        ("account.last_touch =", "account.last_tuch =", ".when.account.last_tuch"),
        ('"not in the last {reconnect_after}"', '"within 120 days"', ".when.account.last_touch"),
        ('"customer"', '"custommer"', ".when.account.status"),
        ('"call"', '"cal"', ".task.do"),
        ('"at least 1"', '"1 or more"', ".unless.account.open_tasks"),
        ('"care"', '"carre"', ".kind"),
        ("[unless]", "[unles]", ".unles"),
        ('title    = "Reconnect with a neglected customer"\n', "", ".title"),
        ('"in 3 business days"', '"3 days"', ".task.due"),
    ],
)
def test_the_schema_marks_typos(old: str, new: str, mark: str) -> None:
    """A typo is marked where it stands."""
    text = (SHIPPED / "reconnect-neglected-customer.toml").read_text()
    changed = text.replace(old, new, 1) if old in text else re.sub(re.escape(old).replace(r"\ =", r"\s*="), new, text, count=1)
    assert changed != text

    assert [mark] == marks(tomllib.loads(changed), SCHEMA)


def test_the_schema_is_written_where_rules_look_for_it(copy: Path) -> None:
    """`rules schema` writes the file that the first line of each rule names, with the folder's own facts."""
    facts = (copy / "facts.toml").read_text()
    (copy / "facts.toml").write_text('account.health = { field = "Health__c", values = ["red"] }\n' + facts)
    assert 0 == run("schema", "--rules", str(copy))[0]
    written = orjson.loads((copy / ".refsync" / "rule.schema.json").read_bytes())

    assert "http://json-schema.org/draft-07/schema#" == written["$schema"]
    assert {"enum": ["red"]} in written["definitions"]["account"]["properties"]["health"]["anyOf"]


def comments(text: str) -> list[str]:
    return re.findall(r"#[^\n]*", text)


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.toml")), ids=lambda path: path.stem)
def test_shipped_files_are_laid_out(path: Path) -> None:
    """`rules fmt` would change nothing."""
    assert path.read_text() == laid_out(path.read_text(), path.name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_layout_changes_white_space_alone(path: Path) -> None:
    """However wildly spaced, a file gets its layout back with the same values and comments."""
    text = path.read_text()
    wild = re.sub(r"(?m)^(\w[\w.]*) +=", r"\1=", text).replace("\n\n", "\n\n\n\n").replace("\n[", "   \n[")
    laid = laid_out(wild, path.name)

    assert tomllib.loads(text) == tomllib.loads(laid)
    assert [line.rstrip() for line in comments(wild)] == comments(laid)
    assert text == laid


def test_texts_keep_every_character() -> None:
    """Inside of a text neither blank lines nor trailing spaces are touched."""
    text = 'a = """\n\n\n  x =  1  \n"""\nlonger = 1\n'

    assert 'a      = """\n\n\n  x =  1  \n"""\nlonger = 1\n' == laid_out(text, "x.toml")


def test_fmt_lays_out_a_folder(copy: Path) -> None:
    """With --check it changes nothing and ends with 1; without, the files are laid out."""
    path = copy / "reconnect-neglected-customer.toml"
    before = path.read_text()
    path.write_text(before.replace("kind     =", "kind ="))

    assert 1 == run("fmt", "--check", "--rules", str(copy))[0]
    assert 0 == run("fmt", "--rules", str(copy))[0]
    assert before == path.read_text()
    assert 0 == run("fmt", "--check", "--rules", str(copy))[0]


def test_silence_adds_a_suppression_that_holds(copy: Path) -> None:
    """The customer is left alone until the day; a second one of the same name gets another line; comments stay."""
    before = (copy / "suppress.toml").read_text()
    for _ in range(2):
        assert 0 == run("silence", 'Acme "GmbH"', "--until", "2027-03-15", "--why", "Board change", "--rules", str(copy))[0]
    added = [one for one in load(copy).suppressions if one.name.startswith("acme-gmbh")]

    assert ["acme-gmbh", "acme-gmbh-2"] == [one.name for one in added]
    assert ('account.name = "Acme \\"GmbH\\""', "2027-03-15", "Board change") == (
        str(added[0].when[0]),
        str(added[0].until),
        added[0].why,
    )
    assert (copy / "suppress.toml").read_text().startswith(before.rstrip("\n"))


def test_silence_refuses_what_is_no_day(copy: Path) -> None:
    """A day that is none changes nothing."""
    before = (copy / "suppress.toml").read_text()
    with pytest.raises(RuleError, match="is no day"):
        run("silence", "Acme", "--until", "soon", "--rules", str(copy))

    assert before == (copy / "suppress.toml").read_text()


def test_new_begins_a_rule_that_only_watches(copy: Path) -> None:
    """A new rule is a copy that checks, watches and has a title of its own; nothing is overwritten."""
    assert 0 == run("new", "ask-my-way", "--like", "ask-referral-after-thanks", "--rules", str(copy))[0]
    found, problems = check(copy)
    assert found is not None, problems
    made = found.rule("ask-my-way")
    assert made is not None
    assert (made.title, made.mode) == ("Ask my way", Mode.WATCH)

    for words in (["new", "ask-my-way"], ["new", "Ask"], ["new", "x", "--like", "nothing"]):
        with pytest.raises(RuleError):
            run(*words, "--rules", str(copy))


def test_facts_are_listed(folder: Callable[..., Path]) -> None:
    """Every fact is listed with its type, values and meaning, those of facts.toml too; an unknown subject is refused."""
    path = folder(facts='account.health = { field = "Health__c", values = ["red"], meaning = "by support" }')
    code, text = run("facts", "--json", "--rules", str(path))
    listed = {one["name"]: one for one in orjson.loads(text)["facts"]}

    assert (code, {*FACTS, "account.health"}) == (0, set(listed))
    assert listed["account.health"] == {
        "name": "account.health",
        "type": "text",
        "values": ["red"],
        "meaning": "by support",
        "in_conditions": True,
    }
    with pytest.raises(RuleError, match="no fact begins with"):
        run("facts", "acount", "--rules", str(path))
