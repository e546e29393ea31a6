"""The texts of tasks taken apart into words and placeholders: `{fact|form|fallback}`, facts and parameters only, no logic.

A text that begins with `@` stands in a file of its own: `@ask-referral` is templates/ask-referral.txt beside the rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from refsync.errors import Place, Problem, did_you_mean, shown
from refsync.rules.facts.fact import Fact
from refsync.rules.facts.registry import LATER
from refsync.rules.files.table import Table
from refsync.rules.phrases import FactType
from refsync.rules.rule import Placeholder, Text

FORMS = ("date", "age", "names")
LISTS = frozenset({"ask_for", "waiting.title"})
"""Placeholders that may stand for several texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fillable:
    """What a text may show."""

    names: frozenset[str] = frozenset()
    """Facts and parameters."""
    lists: frozenset[str] = frozenset()
    """Those that are lists."""
    facts: Mapping[str, Fact]


class Note(Protocol):
    """Notes a problem with a part of the text that begins at an offset."""

    def __call__(self, message: str, hint: str, fragment: str, offset: int) -> None: ...


def read_text(table: Table, key: str, fillable: Fillable, *, required: bool = False) -> Text:
    """Return the text under a key."""
    raw = table.text(key, required=required)

    def note(message: str, hint: str, fragment: str, offset: int) -> None:
        table.note(message, hint, at=(key,), fragment=fragment)

    return _template(table, key, raw, fillable) if raw.startswith("@") else _read(raw, fillable, note)


def _template(table: Table, key: str, named: str, fillable: Fillable) -> Text:
    """Return the text of a template; its problems have their place in its own file."""
    folder = Path(table.source.file).parent / "templates"
    path = folder / f"{named[1:]}.txt"
    known = [f"@{found.stem}" for found in folder.glob("*.txt")]
    if named not in known:
        hint = did_you_mean(named, known) or f"write the text to {shown(path)}"
        table.note(f"there is no template {named}", hint, at=(key,))
        return Text()
    try:
        raw = path.read_text(encoding="utf-8-sig").rstrip("\n")
    except (OSError, ValueError) as error:
        table.note(f"{shown(path)} cannot be read: {error}", "save the file as UTF-8", at=(key,))
        return Text()

    def note(message: str, hint: str, fragment: str, offset: int) -> None:
        line = raw.count("\n", 0, offset) + 1
        place = Place(shown(path), line, offset - raw.rfind("\n", 0, offset))
        table.problems.append(Problem(message=message, hint=hint, place=place, width=len(fragment)))

    return _read(raw, fillable, note)


def _read(raw: str, fillable: Fillable, note: Note) -> Text:
    parts: list[str | Placeholder] = []
    at = 0
    for piece in re.split(r"(\{[^{}\n]*\})", raw):
        if piece.startswith("{") and piece.endswith("}"):
            parts.append(_placeholder(piece, at, fillable, note))
        elif piece:
            if stray := re.search(r"[{}]", piece):
                offset = at + stray.start()
                rest = raw[offset:].partition("\n")[0]  # to the end of its line, to find the right one
                note(f'a stray "{stray[0]}"', "placeholders are written {fact|form|fallback}", rest, offset)
            parts.append(piece)
        at += len(piece)
    return Text(tuple(parts))


def _placeholder(piece: str, offset: int, fillable: Fillable, note: Note) -> Placeholder:
    name, *rest = (part.strip() for part in piece[1:-1].split("|"))
    form, fallback = [*rest, "", ""][:2]
    is_time = name in fillable.facts and fillable.facts[name].type is FactType.TIME
    is_list = name in fillable.lists | LISTS or (name in fillable.facts and fillable.facts[name].names is not None)
    if complaint := _complaint(name, fillable) or _form_complaint(name, form, is_time=is_time, is_list=is_list):
        note(*complaint, piece, offset)
    elif len(rest) > 2:
        note("too many parts", "write {fact|form|fallback}", piece, offset)
    return Placeholder(name=name, form=form or ("date" if is_time else ""), fallback=fallback or "unknown")


def _complaint(name: str, fillable: Fillable) -> tuple[str, str] | None:
    if name in fillable.names:
        return None
    if name in fillable.facts:
        return f"{name} is not known to this rule's task", _when_known(name)
    if name in LATER:
        return f"{name} is not supported yet", LATER[name]
    return f'there is no fact or parameter "{name}"', did_you_mean(name, fillable.names)


def _when_known(name: str) -> str:
    if name.startswith("contact."):
        return 'it needs `with`, for instance with = "best contact"'
    if name == "waiting.title":
        return 'only a rule with only_for = "otherwise" has one'
    return "it needs `ask_for`" if name == "ask_for" else ""


def _form_complaint(name: str, form: str, *, is_time: bool, is_list: bool) -> tuple[str, str] | None:
    if form and form not in FORMS:
        mended = did_you_mean(form, FORMS)
        return f'there is no form "{form}"', mended or f"a fallback comes after a second bar: {{{name}||{form}}}"
    if form in ("date", "age") and not is_time:
        return f"{name} is no time", ""
    if form == "names" and not is_list:
        return f"{name} is no list", ""
    return None
