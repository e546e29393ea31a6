"""Places in TOML files: the scanner against tomllib."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refsync.errors import Place, Problem, UserError
from refsync.toml_source import TomlPath, TomlSource, parse, scan

CORPUS = [
    "",
    "# only a comment",
    "a = 1",
    "a = 1 # comment\nb='x'\n",
    "a.b.c = 1\na.b.d = [1, 2]\n a . 'e f' = {}",
    '"quoted \\" key" = 1\n"" = 2\n\'lit.eral\' = 3',
    "[table]\nx = 1\n[table.sub]\ny = 2\n[ other . 'odd name' ]\n",
    "[a.b.c]\n[a]\nx = 1\n[a.b]\ny = 2",
    "[[list]]\nx = 1\n[[list]]\n[list.sub]\ny = 2\n[[list.inner]]\nz = 1\n[[list.inner]]\n[[list]]\n[[list.inner]]\n",
    "[[a.b]]\n[a.b.c.d]\nx = [[1, 2], [[]], []]\n",
    "a = [\n  1, # one\n  2,\n  # nothing\n]\nb = [ { x = 1, y.z = 'q' }, {} ]",
    "a = { b = { c = [ { d = 1 } ] }, 'e' = 2 }",
    'a = """\nline # no comment\n "quoted" \\""" still\n"""\nb = 1',
    "a = '''\nit's ''quoted'' [x]\n'''\nb = 1",
    'a = """two at the end"""""\nb = \'\'\'one\'\'\'\'\nc = ""\nd = \'\'\ne = """"""\nf = """ " "" """',
    'a = "# = [ ] { } , \\\\"\nb = 1',
    "a = 1979-05-27 07:32:00Z\nb = 1979-05-27\nc = 07:32:00\nd = [1979-05-27 07:32:00, 1]",
    "a = +1_000\nb = 0xff\nc = inf\nd = -nan\ne = 1e5\nf = true",
    "3.14 = 'pi'\n1 = 2\n-- = 3",
    'ключ = 1\n"ключ" = 1'.replace("ключ = 1\n", ""),
    "a = 1\r\nb = [\r\n1,\r\n]\r\n",
    '"\\u0041\\n" = 1',
    "x = [ 'a',\n 'b' , ]\ty = 1".replace("\ty = 1", ""),
]


def paths(data: object, path: TomlPath = ()) -> Iterator[TomlPath]:
    if path:
        yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from paths(value, (*path, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from paths(value, (*path, number))


@pytest.mark.parametrize("text", CORPUS)
def test_scanner_finds_the_paths_of_tomllib(text: str) -> None:
    """On every form of TOML the scanner finds exactly the paths that tomllib finds, and the values that it reads there."""
    text = text.replace("\r\n", "\n")
    data = tomllib.loads(text)

    assert set(paths(data)) == set(scan(text))


KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4) | st.sampled_from(["a", "b", "a-b", "1"])
SCALARS = (
    st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8)
    | st.dates(date(1, 1, 1))
    | st.times().map(lambda at: at.replace(microsecond=0, fold=0, tzinfo=None))
    | st.datetimes(datetime(1, 1, 1)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)


def quoted(text: str, *, style: int = 0) -> str:
    if style % 3 == 1 and "'" not in text and text.isprintable():
        return f"'{text}'"
    plain = "".join(char if char.isprintable() and char not in '"\\' else f"\\U{ord(char):08x}" for char in text)
    if style % 3 == 2 and text:
        return f'"""\n{plain}"""'
    return f'"{plain}"'


def toml(value: object, style: int) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value, style=style)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list):
        return "[" + ",\n# comment\n".join(toml(item, style) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {toml(item, style)}" for key, item in value.items()) + "}"
    return str(value)


def document(data: dict[str, object], style: int, prefix: str = "") -> str:
    """Return `data` as TOML, its tables with headers of their own where the style says so."""
    tables = {key: value for key, value in data.items() if isinstance(value, dict) and style % 2}
    arrays = {key: value for key, value in data.items() if isinstance(value, list) and value and style % 2 and all_tables(value)}
    lines = [f"{quoted(key)} = {toml(value, style)}" for key, value in data.items() if key not in tables and key not in arrays]
    for key, table in tables.items():
        lines += [f"[{prefix}{quoted(key)}]", document(table, style // 2, f"{prefix}{quoted(key)}.")]
    for key, array in arrays.items():
        for table in array:
            lines += [f"[[{prefix}{quoted(key)}]]", document(table, style // 2, f"{prefix}{quoted(key)}.")]
    return "\n".join(lines)


def all_tables(value: list[object]) -> bool:
    return all(isinstance(item, dict) for item in value)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4), st.integers(0, 63))
def test_scanner_finds_the_paths_of_any_document(data: dict[str, object], style: int) -> None:
    """On any document in any layout the scanner finds the paths of tomllib, and what stands there is the value."""
    text = document(data, style)
    read = tomllib.loads(text)
    found = scan(text)

    assert set(paths(read)) == set(found)
    for path, mark in found.items():
        if isinstance(path[-1], str):
            *_, last = paths(tomllib.loads(f"{text[slice(*mark.key)]} = 1"))
            assert path[-len(last) :] == last


def source(text: str) -> TomlSource:
    found = parse(text, "x.toml")
    assert isinstance(found, TomlSource)
    return found


def test_places_count_lines_and_columns_from_one() -> None:
    """A key and its value are found on their line and column, also behind multi-line strings, umlauts and in arrays."""
    toml = source('title = "ä"\ntext = """\na\nb\n"""\n[when]\n  a.b = [ "ü", "x" ]\n')

    assert Place("x.toml", 1, 9) == toml.place(("title",))
    assert Place("x.toml", 6, 2) == toml.place(("when",))
    assert Place("x.toml", 7, 3) == toml.place(("when", "a", "b"), "key")
    assert Place("x.toml", 7, 9) == toml.place(("when", "a", "b"))
    assert Place("x.toml", 7, 16) == toml.place(("when", "a", "b", 1))
    assert toml.width(("when", "a", "b", 1)) == 3
    assert toml.raw(("when", "a", "b")) == '[ "ü", "x" ]'


def test_place_of_something_missing_is_the_table_around_it() -> None:
    """A missing key is reported at the table that lacks it."""
    toml = source("a = 1\n[task]\ndo = 'call'\n")

    assert Place("x.toml", 2, 2) == toml.place(("task", "subject"))
    assert Place("x.toml", 1, 1) == toml.place(("nothing",))


def test_fragment_of_a_value() -> None:
    """A problem with a part of a text points at that part."""
    toml = source("[task]\nsubject = 'Hello {contact.nam}'\n")

    problem = toml.problem(("task", "subject"), "unknown", fragment="{contact.nam}")

    assert (Place("x.toml", 2, 18), 13) == (problem.place, problem.width)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = \n", Place("x.toml", 1, 5)),
        ("a = 1\nb = [1, 2\nc = 3", Place("x.toml", 3, 1)),
        ("a = 1\na = 2", Place("x.toml", 2, 6)),
        ("a = 'x", Place("x.toml", 1, 7)),
        ("[a]\nb = 1\n[a]\n", Place("x.toml", 3, 3)),
    ],
)
def test_syntax_error_has_its_place(text: str, place: Place) -> None:
    """A file that is not TOML gives one problem with file, line and column."""
    problem = parse(text, "x.toml")

    assert isinstance(problem, Problem)
    assert place == problem.place


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = 2024-13-45", "a = " + "9" * 5000, "\x00", "a = \ud800"])
def test_hostile_text_is_a_problem_not_a_traceback(text: str) -> None:
    """Deep nesting, impossible dates, giant numbers and stray characters are reported as problems."""
    assert isinstance(parse(text, "x.toml"), Problem)


def test_unreadable_file_is_a_user_error(tmp_path: Path) -> None:
    """A missing file, a folder and bytes that are not UTF-8 raise a UserError that names the file."""
    (tmp_path / "latin.toml").write_bytes(b"a = '\xe4'")

    for name in ("missing.toml", ".", "latin.toml"):
        with pytest.raises(UserError, match=r"cannot be read|not UTF-8"):
            TomlSource.read(tmp_path / name)


def test_byte_order_mark_is_forgiven(tmp_path: Path) -> None:
    """A file saved with a byte order mark reads like one without, with the same columns."""
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")

    toml = TomlSource.read(tmp_path / "bom.toml")

    assert toml.data == {"a": 1, "b": 2}
    assert (toml.place(("a",), "key").line, toml.place(("a",), "key").column) == (1, 1)
