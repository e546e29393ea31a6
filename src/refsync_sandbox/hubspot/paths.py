"""Finding what answers a path.

Law: a part that a path names in words goes before a part that may be anything, and a slash at the end means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Branch(Generic[T]):
    """What can follow one part of a path."""

    named: dict[str, _Branch[T]] = field(default_factory=dict)
    free: tuple[str, _Branch[T]] | None = None
    ends: dict[str, T] = field(default_factory=dict)
    """What answers when the path ends here, by method."""


class Paths(Generic[T]):
    """A table of method, path and what answers it, in the form of a tree; `{name}` in a path stands for any one part."""

    def __init__(self, table: Iterable[tuple[str, str, T]]) -> None:
        self._root: _Branch[T] = _Branch()
        for method, path, answer in table:
            self._add(method, path, answer)

    def find(self, method: str, path: str) -> tuple[T, dict[str, str]] | None:
        """Return what answers a call, with the parts of the path that its table entry names."""
        found: dict[str, str] = {}
        answer = _walk(self._root, _parts(path), 0, method, found)
        return None if answer is None else (answer, found)

    def _add(self, method: str, path: str, answer: T) -> None:
        branch = self._root
        for part in _parts(path):
            if part.startswith("{"):
                branch.free = branch.free or (part.strip("{}"), _Branch())
                if branch.free[0] != part.strip("{}"):
                    raise ValueError(f"{path}: this part is called {branch.free[0]!r} in another path")
                branch = branch.free[1]
            else:
                branch = branch.named.setdefault(part, _Branch())
        branch.ends[method] = answer


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _walk(branch: _Branch[T], parts: list[str], at: int, method: str, found: dict[str, str]) -> T | None:
    if at == len(parts):
        return branch.ends.get(method)
    part = parts[at]
    if part in branch.named and (answer := _walk(branch.named[part], parts, at + 1, method, found)) is not None:
        return answer
    if branch.free is None:
        return None
    name, free = branch.free
    answer = _walk(free, parts, at + 1, method, found)
    if answer is not None:
        found[name] = part
    return answer
