"""How many of the org's calls refsync may use.

Law: reading leaves a reserve for writing, and both leave one for the org's other programs. What counts is what the org itself
says in `Sforce-Limit-Info`, with the calls that have left since; and once it refuses a call, nothing is asked for a while. A
budget that is spent ends the read, not the data: the stream is partial, says so, and goes on when calls are free again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

from refsync.errors import RateLimited
from refsync_salesforce.transport import Seen

WRITE_SHARE = 0.95
"""Of the org's daily limit; the share of reads is an option."""
PAUSE = 15 * 60.0
"""The org's figure is believed for so long. Then one call is made to learn it anew: the limit is that of the last 24 hours."""


class BudgetSpent(RateLimited):
    """The calls that refsync may use are used up."""


@dataclass(slots=True, kw_only=True)
class Budget:
    """A share of the org's calls, and how many of them one run may use."""

    seen: Seen
    share: float = WRITE_SHARE
    name: str = "what refsync may use"
    a_run: int = 0
    """Calls of one run; 0: as many as the day allows."""
    _began: int = field(default=0)

    def begin(self) -> None:
        """Begin a run."""
        self._began = self.seen.calls

    def check(self) -> None:
        """Raise BudgetSpent when no call may be made now."""
        seen = self.seen
        if self.a_run and seen.calls - self._began >= self.a_run:
            raise BudgetSpent(
                f"the {self.a_run} calls of one run are used (calls_per_run); the next run goes on", retry_after=PAUSE
            )
        if seen.refused and monotonic() - seen.refused_at <= PAUSE:
            raise BudgetSpent(seen.refused, retry_after=PAUSE)
        if seen.usage is None or monotonic() - seen.usage_at > PAUSE:
            return
        used, allowed = seen.usage
        if used + seen.untold >= self.share * allowed:
            raise BudgetSpent(
                f"{used + seen.untold} of the {allowed} API calls that the org has in 24 hours are used; "
                f"{self.name} ends at {self.share:.0%}, and goes on when calls are free again",
                retry_after=PAUSE,
            )
