"""The editor's schema of a rule file, made from the fact registry: JSON Schema draft-07, as plain as editors for TOML understand.

The law: what the check accepts the schema accepts, too. It marks typos while somebody types; `refsync rules check` decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from refsync.rules.facts.fact import Fact
from refsync.rules.facts.people import CHOICES
from refsync.rules.facts.subjects import SUBJECTS
from refsync.rules.files.task_table import ASK_FOR, DO, PRIORITIES
from refsync.rules.phrases import NUMBER_EXAMPLES, TEXT_EXAMPLES, TIME_EXAMPLES, FactType
from refsync.rules.rule import Kind, Mode
from refsync.rules.synonyms import NUMBER, UNIT

Schema = dict[str, Any]

PARAMETER = r"\{[a-z][a-z0-9_]*\}"
_SPAN = rf"(\d{{1,5}} {UNIT}|{PARAMETER})"
TIME = (
    rf"^(never|ever|(not )?in the last {_SPAN}|more than {_SPAN} ago|between \d{{1,5}} and \d{{1,5}} {UNIT} ago"
    rf"|in the next \d{{1,5}} {UNIT})$"
)
RANGE = rf"^((at least|at most|more than|less than) {NUMBER}|between {NUMBER} and {NUMBER})$"
LENGTH = rf"\d{{1,5}} {UNIT}"


def rule_schema(facts: Mapping[str, Fact], milestones: Collection[str], parameters: Collection[str]) -> Schema:
    """Return the schema of a rule file for these facts, kinds of milestones and parameters of segments."""
    shared = _conditions(facts, milestones, parameters)
    lines = {name: {"$ref": f"#/definitions/{name}"} for name in shared}
    texts = {"anyOf": [_text(), {"type": "array", "items": _text()}]}
    found = _table(
        {
            "title": _text("What people read."),
            "for_each": {"enum": list(SUBJECTS), "description": "What the rule is about, and so: once per what."},
            "kind": {"enum": [kind.value for kind in Kind], "description": "Which limits apply."},
            "mode": {"enum": [mode.value for mode in Mode], "description": "live writes tasks, watch only reports them."},
            "only_for": {"enum": ["otherwise"], "description": "Never starts by itself, only through another rule's needs."},
            "note": _text(),
            "renamed_from": {**texts, "description": "Former names, the oldest first."},
            "holdout": {
                "type": "string",
                "pattern": r"^\d{1,2}(\.\d+)? ?%$",
                "description": '"5%" get no task, to compare with those that do.',
            },
            "when": _table({**lines, "any": {"type": "array", "items": _table(lines)}}, "All of these lines must hold."),
            "unless": _table(lines, "Any one of these lines stops the rule."),
            "needs": _table(
                {**lines, "otherwise": _text("The rule whose task comes first.")}, "Must hold, but a rep can bring it about."
            ),
            "task": _task(lines, texts),
            "repeat": _repeat(),
        }
    )
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "A rule of refsync"}
    return {**head, **found, "required": ["title", "for_each", "kind", "task"], "definitions": shared}


def _task(lines: Mapping[str, Schema], texts: Schema) -> Schema:
    people = ", ".join(sorted(CHOICES))
    found = _table(
        {
            "do": {"anyOf": [{"enum": list(DO)}, {"type": "string", "pattern": f"^{PARAMETER}$"}], "description": ", ".join(DO)},
            "subject": _text("Placeholders: {fact|form|fallback}."),
            "text": _text("Placeholders: {fact|form|fallback}; @name is templates/name.txt."),
            "priority": {"enum": list(PRIORITIES)},
            "due": {"type": "string", "pattern": rf"^(today|in {LENGTH})$", "description": '"today" or "in 3 business days"'},
            "expire": {
                "type": "string",
                "pattern": rf"^(never|after {LENGTH})$",
                "description": '"after 20 business days" or "never"',
            },
            "with": {**texts, "description": f"Who to talk to, in order of preference: {people}."},
            "ask_for": {**texts, "description": f"Which introduction to ask for: {', '.join(ASK_FOR)}."},
            "assign": {**texts, "description": "Who gets it: the first active person of these."},
            "close_when": _table(lines, "The task closes by itself once these lines hold."),
            "escalate": _escalate(texts),
        },
        "What is written.",
    )
    return {**found, "required": ["do", "subject"]}


def _escalate(texts: Schema) -> Schema:
    after = {"type": "string", "pattern": rf"^{LENGTH} overdue$", "description": '"5 business days overdue"'}
    to = {**texts, "description": "manager, or as in assign."}
    return {**_table({"after": after, "to": to}, "Who hears of it when nobody does it, once."), "required": ["after", "to"]}


def _repeat() -> Schema:
    pause = {"type": "string", "pattern": rf"^(never|{LENGTH})$", "description": '"30 days" or "never"'}
    whole = {"type": "integer", "minimum": 1}
    return _table(
        {"after_done": pause, "after_dismissed": pause, "after_expired": pause, "at_most": whole}, "When it may come again."
    )


def _conditions(facts: Mapping[str, Fact], milestones: Collection[str], parameters: Collection[str]) -> dict[str, Schema]:
    """Return the keys of a table of conditions: facts with dots are tables in tables."""
    found: dict[str, Schema] = {}
    for name, fact in facts.items():
        if fact.in_conditions:
            *outer, last = name.split(".")
            table = found
            for step in outer:
                table = table.setdefault(step, _table({}))["properties"]
            table[last] = _line(fact, milestones if name == "milestone.kind" else fact.values)
    segment = _line_of_text("the segment of the account, or one of its lists", ())
    lists = _table({name: _line_of_text("a list of the segment", ()) for name in sorted(parameters)})
    found["segment"] = {"anyOf": [*segment["anyOf"], lists], "description": segment["description"]}
    return found


def _line(fact: Fact, values: Collection[str]) -> Schema:
    match fact.type:
        case FactType.TIME:
            return {"type": "string", "pattern": TIME, "description": f"{fact.meaning}. Write {TIME_EXAMPLES}."}
        case FactType.NUMBER:
            ways = [{"type": "number"}, {"type": "string", "pattern": RANGE}]
            return {"anyOf": ways, "description": f"{fact.meaning}. Write {NUMBER_EXAMPLES}."}
        case FactType.YES_NO:
            return {"type": "boolean", "description": f"{fact.meaning}."}
        case FactType.TEXT:
            return _line_of_text(fact.meaning, values)


def _line_of_text(meaning: str, values: Iterable[str]) -> Schema:
    known = list(values)
    one: Schema = {"enum": known} if known else {"type": "string"}
    several = {"anyOf": [one, {"type": "array", "items": one}]}
    any_text = {"anyOf": [_text(), {"type": "array", "items": _text()}]}
    ways: list[Schema] = [one, {"type": "array", "items": one}, _table({"not": several}), _table({"contains": any_text})]
    ways += [{"type": "string", "pattern": f"^{PARAMETER}$"}] if known else []
    return {"anyOf": ways, "description": f"{meaning}. Write {TEXT_EXAMPLES}."}


def _table(properties: Mapping[str, Schema], description: str = "") -> Schema:
    found: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**found, "description": description} if description else found


def _text(description: str = "") -> Schema:
    return {"type": "string", "description": description} if description else {"type": "string"}
