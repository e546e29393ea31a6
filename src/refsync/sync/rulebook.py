"""The rules folder as the daemon sees it: read before each tick, and the last good set while somebody is editing it."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from refsync.errors import RuleError
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet

log = structlog.get_logger()


class Rulebook:
    """The current rules of a folder. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._good = load(folder)
        self._problems = 0

    def __call__(self) -> RuleSet:
        """Return the rules as they stand; those before, while the folder does not check."""
        with self._lock:
            try:
                self._good, self._problems = load(self._folder), 0
            except RuleError as error:
                if len(error.problems) != self._problems:
                    self._problems = len(error.problems)
                    log.error("rules_broken", problems=[str(problem) for problem in error.problems])
            return self._good
