"""A pytest plugin that runs each numbered test without its cure, and lets it pass only if it fails then.

`pytest -p tests.cures.plugin -m bug` (`make test-cures`). A failure counts when the test itself found the bug: an assertion, an
expected error that did not come, or a connector's error. A broken patch, an import, a hang prove nothing.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from refsync.errors import ConnectorError
from tests.cures import hubspot_cures, salesforce_cures

CURES = {"salesforce": salesforce_cures.CURES, "hubspot": hubspot_cures.CURES}
FOUND: tuple[type[BaseException], ...] = (AssertionError, ConnectorError, pytest.fail.Exception)

Report: TypeAlias = Generator[None, pytest.TestReport, pytest.TestReport]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one test without its cure."""

    crm: str
    number: int
    bug: str
    gone: str
    test: str
    verdict: str


trials = pytest.StashKey[list[Trial]]()
patches = pytest.StashKey[pytest.MonkeyPatch]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[trials] = []


def bug_of(item: pytest.Item) -> tuple[str, int]:
    mark = item.get_closest_marker("bug")
    assert mark is not None, "only numbered tests can be run without their cure"
    crm, number = mark.args
    return crm, number


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    crm, number = bug_of(item)
    assert number in CURES[crm], f"bug {number} of {crm} has no cure in tests/cures/{crm}_cures.py"
    patch = item.stash[patches] = pytest.MonkeyPatch()
    CURES[crm][number].remove(patch)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    try:
        yield
    finally:
        if patches in item.stash:
            item.stash[patches].undo()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Report:
    report = yield
    if call.when == "call" or report.failed:
        verdict = _verdict(call)
        crm, number = bug_of(item)
        cure = CURES[crm].get(number)
        bug, gone = (cure.bug, cure.gone) if cure else ("", "")
        item.config.stash[trials].append(Trial(crm=crm, number=number, bug=bug, gone=gone, test=item.name, verdict=verdict))
        if call.when == "call" and verdict == "yes":
            report.outcome, report.longrepr = "passed", None
        elif report.passed:
            report.outcome, report.longrepr = "failed", f"{item.name} passes although its cure is gone: {gone}"
    return report


def _verdict(call: pytest.CallInfo[None]) -> str:
    """Say whether the test found the bug."""
    if call.excinfo is None:
        return "NO: it passes"
    error = call.excinfo.value
    if call.when != "call":
        return f"NO: {call.when} broke ({type(error).__name__})"
    if not isinstance(error, FOUND) or str(error).startswith("Timeout"):
        return f"NO: {type(error).__name__}"
    return "yes"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found: list[Trial] = terminalreporter.config.stash[trials]
    found = sorted(found, key=lambda trial: (trial.crm, trial.number))
    rows: list[tuple[str, ...]] = [("crm", "no", "bug", "cure removed: refsync no longer …", "failed?", "test")]
    rows += [(one.crm, str(one.number), one.bug, one.gone, one.verdict, one.test) for one in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    terminalreporter.section("each numbered test without its cure")
    for row in rows:
        terminalreporter.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    seen = sum(trial.verdict == "yes" for trial in found)
    terminalreporter.line(f"{seen} of {len(found)} were seen to fail")
