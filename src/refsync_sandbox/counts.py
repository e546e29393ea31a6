"""How many calls the CRM has answered, by method and endpoint; the control API's own calls are not counted."""

from __future__ import annotations

from collections import Counter
from typing import Any


class Counts:
    """Calls counted by a label such as `GET query`."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    def add(self, label: str) -> None:
        """Count one call."""
        self._calls[label] += 1

    def reset(self) -> None:
        """Forget all calls so far."""
        self._calls.clear()

    def as_json(self) -> dict[str, Any]:
        """Return `{"total": n, "by_endpoint": {label: n}}`, the busiest endpoint first."""
        return {"total": self._calls.total(), "by_endpoint": dict(self._calls.most_common())}
