"""A trial: what one client of somebody else does with the stand-in, step by step.

Law: a step counts only if the client itself has told of it, and every step that is expected has to be told of. An exit code
proves nothing: a client that prints nothing has done nothing.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MOST_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What became of one step."""

    name: str
    ok: bool
    told: str = ""
    """What the client saw, or what went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A client's run: the steps expected of it, what it told, and what it cannot do."""

    client: str
    expected: tuple[str, ...]
    steps: tuple[Step, ...]
    cannot: Mapping[str, str] = field(default_factory=dict)
    """What this client could not do, and why that is not the stand-in's fault."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The steps of which it did not tell, or not well."""
        good = {step.name for step in self.steps if step.ok}
        return tuple(name for name in self.expected if name not in good)


def told_by(command: Sequence[str | Path], environment: Mapping[str, str], given: str = "") -> tuple[Step, ...]:
    """Run a client and return the steps that it tells of, one JSON object a line; what else it says is its last words."""
    with_ours = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": environment["HOME"], **environment}
    try:
        ran = subprocess.run(
            [str(part) for part in command],
            env=with_ours,
            input=given,
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        return (Step(name="ran to its end", ok=False, told=f"{type(error).__name__}"),)
    steps = tuple(Step(**json.loads(line)) for line in ran.stdout.splitlines() if line.startswith('{"name":'))
    words = " ".join(ran.stderr.split())[-400:]
    return (*steps, Step(name="ran to its end", ok=ran.returncode == 0, told=words if ran.returncode else ""))
