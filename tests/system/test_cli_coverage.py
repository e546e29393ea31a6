"""`refsync coverage` as a manager runs it: a table, JSON, CSV and a picture that agree."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from refsync.model import moment, parse_instant
from refsync_sandbox.generator import write_book
from tests.system.test_demo import NOW, refsync


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("covered")
    write_book(folder, accounts=60, seed=3, now=moment(parse_instant(NOW)))
    return folder


def test_coverage_prints_and_plots(book: Path, tmp_path: Path) -> None:
    """Reps, teams and segments add up to the same whole; each rep has 14 answers with figures, and a bar beside the team's."""
    plot = tmp_path / "coverage.svg"
    of_reps = json.loads(refsync("coverage", "--book", str(book), "--now", NOW, "--json", "--plot", str(plot)).stdout)
    table = refsync("coverage", "--book", str(book), "--now", NOW, "--by", "segment").stdout
    lines = list(csv.DictReader(io.StringIO(refsync("coverage", "--book", str(book), "--now", NOW, "--csv").stdout)))
    connection = of_reps["connections"][0]
    drawn = [text.text for text in ET.fromstring(plot.read_text()).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 - our own picture

    assert connection["all"]["customers"] == sum(row["customers"] for row in connection["rows"]) > 20
    assert [row["name"] for row in connection["rows"]] + ["all"] == [line["rep"] for line in lines]
    assert str(connection["all"]["in_touch"]) == lines[-1]["in_touch"]
    assert [14] * len(connection["rows"]) == [len(row["checklist"]) for row in connection["rows"]]
    assert {row["name"] for row in connection["rows"] if row["customers"]} <= set(drawn)
    assert {"in touch", "of their team"} <= set(drawn)
    assert all(name in table for name in ("key", "core", "long-tail", "all", "question", "Check-list"))


def test_what_excludes_each_other_is_said(book: Path) -> None:
    """JSON and CSV at once, and a picture of another kind, are refused before anything is read."""
    both = refsync("coverage", "--book", str(book), "--json", "--csv", code=2)
    other = refsync("coverage", "--book", str(book), "--plot", "coverage.png", code=2)

    assert "--json and --csv exclude each other" in both.stderr
    assert "must end in .svg" in other.stderr
