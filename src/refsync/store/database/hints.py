"""Hints about conditions for SQLite's planner, which has little else to go by; other databases do not see them.

The law: a hint changes the way to the rows, never which rows are found.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import Grouping


class Few(Grouping[bool]):
    """A condition that few rows fulfil, and SQLite is told so.

    Without such hints, and without statistics, SQLite takes the connection that leads each key for as selective as the id after
    it, and reads a whole table for each account (likelihood(): https://www.sqlite.org/lang_corefunc.html#likelihood).
    """

    inherit_cache = True
    share = "0.00001"


class NearlyAll(Few):
    """A condition that nearly all rows fulfil."""

    inherit_cache = True
    share = "1.0"


class Unsought(Grouping[Any]):
    """A column by which SQLite is not to look for rows, since it has a better way to them.

    A `+` before a column keeps it from every index (https://www.sqlite.org/optoverview.html, "Disqualifying WHERE Clause Terms
    Using Unary-+"), also in equalities that follow from others.
    """

    inherit_cache = True


@compiles(Unsought)
@compiles(Few)
def _plainly(element: Grouping[Any], compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.element, **kw)


@compiles(Unsought, "sqlite")
def _with_plus(element: Unsought, compiler: SQLCompiler, **kw: Any) -> str:
    return f"+{compiler.process(element.element, **kw)}"


@compiles(Few, "sqlite")
def _as_hint(element: Few, compiler: SQLCompiler, **kw: Any) -> str:
    return f"likelihood({compiler.process(element.element, **kw)}, {element.share})"
