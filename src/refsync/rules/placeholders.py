"""The texts of tasks taken apart into words and placeholders: `{fact|form|fallback}`, facts and parameters only, no logic."""

from __future__ import annotations

import re
from collections.abc import Collection

from refsync.errors import did_you_mean
from refsync.rules.facts import FACTS, LATER, SUBJECTS_LATER
from refsync.rules.phrases import FactType
from refsync.rules.rule import Placeholder, Text
from refsync.rules.table import Table

FORMS = ("date", "age", "names")
LISTS = ("ask_for", "waiting.title")
"""Placeholders that may stand for several texts."""


def read_text(table: Table, key: str, fillable: Collection[str], lists: Collection[str], *, required: bool = False) -> Text:
    """Return the text under a key. `fillable`: the facts and parameters it may show; `lists`: those that are lists."""
    raw = table.text(key, required=required)
    if raw.startswith("@"):
        table.note("texts in templates/ are not supported yet", "write the text here", at=(key,))
    parts: list[str | Placeholder] = []
    at = 0
    for piece in re.split(r"(\{[^{}\n]*\})", raw):
        if piece.startswith("{") and piece.endswith("}"):
            parts.append(_placeholder(table, key, piece, fillable, {*lists, *LISTS}))
        elif piece:
            if stray := re.search(r"[{}]", piece):
                rest = raw[at + stray.start() :].partition("\n")[0]  # to the end of its line, to find the right one
                table.note(f'a stray "{stray[0]}"', "placeholders are written {fact|form|fallback}", at=(key,), fragment=rest)
            parts.append(piece)
        at += len(piece)
    return Text(tuple(parts))


def _placeholder(table: Table, key: str, piece: str, fillable: Collection[str], lists: Collection[str]) -> Placeholder:
    name, *rest = (part.strip() for part in piece[1:-1].split("|"))
    form, fallback = [*rest, "", ""][:2]
    is_time = name in FACTS and FACTS[name].type is FactType.TIME
    if complaint := _complaint(name, fillable) or _form_complaint(name, form, is_time=is_time, is_list=name in lists):
        table.note(*complaint, at=(key,), fragment=piece)
    elif len(rest) > 2:
        table.note("too many parts", "write {fact|form|fallback}", at=(key,), fragment=piece)
    return Placeholder(name=name, form=form or ("date" if is_time else ""), fallback=fallback or "unknown")


def _complaint(name: str, fillable: Collection[str]) -> tuple[str, str] | None:
    if name in fillable:
        return None
    if name in FACTS:
        return f"{name} is not known to this rule's task", _when_known(name)
    if name in LATER or name.partition(".")[0] in SUBJECTS_LATER:
        return f"{name} is not supported yet", ""
    return f'there is no fact or parameter "{name}"', did_you_mean(name, fillable)


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
