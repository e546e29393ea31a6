"""How a rule file is laid out: equals signs in a row stand below each other, nothing trails a line, blank lines are single.

The law: only white space changes. Values, comments and their order stay as they are, inside of texts every character.
"""

from __future__ import annotations

import re

from refsync.errors import Problem
from refsync.toml_source import TomlSource, parse


def laid_out(text: str, file: str) -> str:
    """Return the text of a TOML file laid out. Raises ValueError when it is no valid TOML."""
    source = parse(text, file)
    if isinstance(source, Problem):
        raise ValueError(str(source))
    kept = _inside(source)
    lines = source.text.split("\n")
    pairs = _pairs(source, kept)
    done: list[str] = []
    for number, line in enumerate(lines):
        if number in kept:
            done.append(line)
            continue
        laid = _aligned(line, pairs[number]) if number in pairs else line
        last = number + 1 in kept  # what follows belongs to a text that begins in this line
        laid = laid if last else laid.rstrip()
        if laid or not done or done[-1]:
            done.append(laid)
    return "\n".join(done).strip("\n") + "\n"


def _inside(source: TomlSource) -> frozenset[int]:
    """Return the lines that begin inside of a value."""
    spans = [mark.value for mark in source.marks.values() if "\n" in source.text[slice(*mark.value)]]
    return frozenset(
        line for start, end in spans for line in range(source.text.count("\n", 0, start) + 1, source.text.count("\n", 0, end) + 1)
    )


def _pairs(source: TomlSource, inside: frozenset[int]) -> dict[int, tuple[int, int]]:
    """Return, by line, the width of the key that begins it and the width of the longest key in the block around it."""
    widths: dict[int, int] = {}
    for mark in source.marks.values():
        start, end = mark.key
        begins = source.text.rfind("\n", 0, start) + 1
        if not source.text[begins:start].strip() and re.match(r"[ \t]*=", source.text[end:]):
            widths[source.text.count("\n", 0, start)] = len(source.text[begins:start].expandtabs(0)) + end - start
    found = {}
    for number in widths:
        first = last = number
        while first - 1 in widths or first - 1 in inside:
            first -= 1
        while last + 1 in widths or last + 1 in inside:
            last += 1
        found[number] = (widths[number], max(widths.get(one, 0) for one in range(first, last + 1)))
    return found


def _aligned(line: str, widths: tuple[int, int]) -> str:
    key, _equals, value = line[widths[0] :].partition("=")
    return f"{line[: widths[0]]}{key.strip()}{' ' * (widths[1] - widths[0])} = {value.strip(' 	') if value.strip() else ''}"
