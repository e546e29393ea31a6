"""Facts of a company's own: fields of its CRM that facts.toml names, and facts that a Python package registers.

The law: a CRM's text is never trusted to be what its field promises. What is no number, day, time or yes/no is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, reduce
from importlib.metadata import entry_points
from typing import Any

from sqlalchemy import ColumnElement, Double, String, Table, case, false, func, literal, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from refsync.errors import Problem
from refsync.model import Stream
from refsync.rules.facts.fact import Fact
from refsync.rules.facts.sources import Clock, Dated, Field, Moment, Source
from refsync.rules.facts.subjects import SUBJECTS
from refsync.rules.phrases import FactType
from refsync.rules.rule import OwnFact

GROUP = "refsync.facts"
"""The entry points of packages that register facts: each names a `Fact`, several, or a function that returns them."""


def own_fact(own: OwnFact) -> Fact:
    """Return the fact that a line of facts.toml names. Whichever CRM a record is from, one of its fields is there."""
    subject = SUBJECTS[own.subject]
    fields = tuple(dict.fromkeys(own.fields.values()))
    text = _text(subject.table, fields)
    kind, source = _SOURCES[own.type](text)
    return Fact(
        name=own.name,
        type=kind,
        meaning=own.meaning or f"the field {' or '.join(fields)} of the CRM",
        source=source,
        values=own.values,
        streams=frozenset() if subject.stream is Stream.ACCOUNTS else frozenset({subject.stream}),
        custom=frozenset((subject.stream, name) for name in fields),
    )


@cache
def registered(taken: frozenset[str]) -> tuple[Mapping[str, Fact], tuple[Problem, ...]]:
    """Return the facts that installed packages register, by name, and what is wrong with them. `taken`: names that are in use."""
    found: dict[str, Fact] = {}
    problems: list[Problem] = []
    for point in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        where = f"the facts of {point.value}"
        try:
            facts = list(_listed(point.load()))
        except Exception as error:  # noqa: BLE001 - a foreign package: whatever it raises is told, and its facts are not used
            problems.append(Problem(message=f"{where} cannot be loaded: {type(error).__name__}: {error}"))
            continue
        for fact in facts:
            if fact.subject not in SUBJECTS or fact.name in taken or fact.name in found:
                problems.append(Problem(message=f"{where}: {fact.name} is taken, or begins with no subject of a rule"))
            else:
                found[fact.name] = fact
    return found, tuple(problems)


def _listed(loaded: Any) -> Iterable[Fact]:
    made = loaded() if callable(loaded) else loaded
    facts: list[Fact] = [made] if isinstance(made, Fact) else list(made)
    if wrong := [one for one in facts if not isinstance(one, Fact)]:
        raise TypeError(f"{wrong[0]!r} is no Fact")
    return facts


class _Member(FunctionElement[str]):
    """A member of an object of texts in a column of JSON; NULL when there is none."""

    inherit_cache = True
    type = String()
    name = "member"


@compiles(_Member)
def _extracted(element: _Member, compiler: SQLCompiler, **kw: Any) -> str:
    column, path, _key = element.clauses
    return f"json_extract({compiler.process(column, **kw)}, {compiler.process(path, **kw)})"


@compiles(_Member, "postgresql")
def _got(element: _Member, compiler: SQLCompiler, **kw: Any) -> str:
    column, _path, key = element.clauses
    return f"(CAST({compiler.process(column, **kw)} AS JSON) ->> {compiler.process(key, **kw)})"


class _Number(FunctionElement[float]):
    """A text as a number; NULL when it is none."""

    inherit_cache = True
    type = Double()
    name = "number"


@compiles(_Number)
def _cast(element: _Number, compiler: SQLCompiler, **kw: Any) -> str:
    (inner,) = element.clauses
    text = compiler.process(inner, **kw)
    signed = f"{text} NOT GLOB '*[^0-9.-]*' AND {text} NOT GLOB '?*-*'"
    plain = f"{signed} AND {text} GLOB '*[0-9]*' AND {text} NOT GLOB '*.*.*'"
    return f"CASE WHEN {plain} THEN CAST({text} AS REAL) END"


@compiles(_Number, "postgresql")
def _cast_matching(element: _Number, compiler: SQLCompiler, **kw: Any) -> str:
    (inner,) = element.clauses
    text = compiler.process(inner, **kw)
    return f"CASE WHEN {text} ~ '^-?([0-9]+[.]?[0-9]*|[.][0-9]+)$' THEN CAST({text} AS DOUBLE PRECISION) END"


class _Day(FunctionElement[str]):
    """The day that a text begins with; NULL when it begins with none since 1900, such as 0000-00-00 or 2026-02-30."""

    inherit_cache = True
    type = String()
    name = "day"
    length = len("2026-11-20")
    counted = "date({}, '+0 days')"
    """How SQLite reads such a text and writes it as it is counted: February 30 as March 2."""
    clock = ""
    """What follows the day, as a regular expression."""


class _Second(_Day):
    """The day and second that a text begins with, and NULL likewise."""

    inherit_cache = True
    name = "second"
    length = len("2026-11-20T09:00:00")
    counted = "replace(datetime({}, '+0 days'), ' ', 'T')"
    clock = "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"


@compiles(_Day)
def _counted(element: _Day, compiler: SQLCompiler, **kw: Any) -> str:
    (inner,) = element.clauses
    text = f"substr({compiler.process(inner, **kw)}, 1, {element.length})"
    return f"CASE WHEN {text} >= '1900' AND {element.counted.format(text)} = {text} THEN {text} END"


@compiles(_Day, "postgresql")
def _in_its_month(element: _Day, compiler: SQLCompiler, **kw: Any) -> str:
    """PostgreSQL refuses to read February 30; the first of February and 29 days more it takes, and that is in March."""
    (inner,) = element.clauses
    text = f"substr({compiler.process(inner, **kw)}, 1, {element.length})"
    year, month, day = (f"CAST(substr({text}, {at}, {many}) AS INTEGER)" for at, many in ((1, 4), (6, 2), (9, 2)))
    shape = f"^(19|[2-9][0-9])[0-9]{{2}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]){element.clock}$"
    there_is = f"EXTRACT(MONTH FROM make_date({year}, {month}, 1) + {day} - 1) = {month}"
    return f"CASE WHEN {text} ~ '{shape}' THEN CASE WHEN {there_is} THEN {text} END END"


def _text(table: Table, fields: Iterable[str]) -> ColumnElement[Any]:
    def member(field: str) -> ColumnElement[Any]:
        return func.nullif(_Member(table.c.custom, literal(f'$."{field}"'), literal(field)), "")

    first, *others = (member(field) for field in fields)
    return reduce(lambda found, other: func.coalesce(found, other), others, first)


def _as_text(text: ColumnElement[Any]) -> tuple[FactType, Source]:
    return FactType.TEXT, Field(lambda _scope: text)


def _as_number(text: ColumnElement[Any]) -> tuple[FactType, Source]:
    return FactType.NUMBER, Field(lambda _scope: _Number(text))


def _as_yes_no(text: ColumnElement[Any]) -> tuple[FactType, Source]:
    small = func.lower(text)
    answer = case((small.in_(("true", "yes", "1")), true()), (small.in_(("false", "no", "0")), false()))
    return FactType.YES_NO, Field(lambda _scope: answer)


def _as_date(text: ColumnElement[Any]) -> tuple[FactType, Source]:
    return FactType.TIME, Dated(lambda _scope: (Moment(column=_Day(text), clock=Clock.DAY),))


def _as_time(text: ColumnElement[Any]) -> tuple[FactType, Source]:
    in_utc = or_(text.like("%Z"), text.like("%+0000"), text.like("%+00:00"))
    second = case((in_utc, _Second(text)))
    return FactType.TIME, Dated(lambda _scope: (Moment(column=second, clock=Clock.TEXT),))


_SOURCES: Mapping[str, Callable[[ColumnElement[Any]], tuple[FactType, Source]]] = {
    "text": _as_text,
    "number": _as_number,
    "yes/no": _as_yes_no,
    "date": _as_date,
    "time": _as_time,
}
