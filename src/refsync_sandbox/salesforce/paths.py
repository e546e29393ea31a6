"""The REST paths below `/services/data/vXX.0/`: what they mean, and their names with ids left out.

Law: counting and answering read a path with the same eyes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

DATA = "/services/data/"

_PATTERNS: tuple[tuple[tuple[str, ...], str], ...] = tuple(
    (tuple(pattern.split("/")), ",".join(methods))
    for pattern, *methods in (
        ("limits", "GET"),
        ("limits/recordCount", "GET"),
        ("query", "GET"),
        ("queryAll", "GET"),
        ("query/{locator}", "GET"),
        ("queryAll/{locator}", "GET"),
        ("sobjects", "GET"),
        ("sobjects/{object}", "GET", "POST"),
        ("sobjects/{object}/describe", "GET"),
        ("sobjects/{object}/deleted", "GET"),
        ("sobjects/{object}/updated", "GET"),
        ("sobjects/{object}/{id}", "GET", "PATCH", "DELETE"),
        ("sobjects/{object}/{field}/{value}", "GET", "PATCH", "DELETE"),
        ("composite", "POST"),
        ("composite/batch", "POST"),
        ("composite/sobjects", "POST", "PATCH", "DELETE"),
        ("composite/sobjects/{object}", "GET", "POST"),
        ("composite/sobjects/{object}/{field}", "PATCH"),
        ("jobs/query", "GET", "POST"),
        ("jobs/query/{job}", "GET", "PATCH", "DELETE"),
        ("jobs/query/{job}/results", "GET"),
    )
)
_LEFT_OUT = ("{id}", "{value}")
_WORDS = ("{locator}", "{job}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A path that is known."""

    pattern: str
    parts: Mapping[str, str]
    methods: tuple[str, ...]

    @property
    def label(self) -> str:
        """The path with ids left out, and locators and jobs as a word: `sobjects/Task`, `query/locator`, `jobs/query/job`."""
        named = [step for step in self.pattern.split("/") if step not in _LEFT_OUT]
        return "/".join(step.strip("{}") if step in _WORDS else self.parts.get(step.strip("{}"), step) for step in named)


def read_path(rest: str) -> Found | None:
    """Return what a path after the version means, None when it is unknown. A slash at the end does not matter."""
    steps = tuple(step for step in rest.split("/") if step)
    for pattern, methods in _PATTERNS:
        if len(pattern) == len(steps) and all(a == b or a.startswith("{") for a, b in zip(pattern, steps, strict=True)):
            parts = {name[1:-1]: step for name, step in zip(pattern, steps, strict=True) if name.startswith("{")}
            return Found(pattern="/".join(pattern), parts=MappingProxyType(parts), methods=tuple(methods.split(",")))
    return None


def label_of(path: str) -> str:
    """Return the label of any path of the side: `query`, `sobjects/Task/describe`, `oauth2/token`."""
    if not path.startswith(DATA):
        return "id" if path.startswith("/id/") else path.removeprefix("/services/").strip("/")
    version, _, rest = path.removeprefix(DATA).partition("/")
    if not rest.strip("/"):
        return "version" if version else "versions"
    found = read_path(rest)
    return found.label if found else rest.strip("/")
