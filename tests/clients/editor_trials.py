"""Editors of other people: taplo and tombi check the shipped rules by the schema that refsync writes, and mark typos."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from refsync.bundled import bundled
from tests.clients.stage import Stage
from tests.clients.trial import Step, Trial

RULE = "reconnect-neglected-customer.toml"
SHARED = ("company.toml", "segments.toml", "suppress.toml", "facts.toml")
PLAIN = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typo:
    """Something misspelt in a rule."""

    name: str
    right: str
    wrong: str


TYPOS = (
    Typo(name="a fact that there is not", right="account.last_touch =", wrong="account.lst_touch ="),
    Typo(name="a value that there is not", right='"customer"', wrong='"custommer"'),
    Typo(name="a phrase that is none", right='"more than 30 days ago"', wrong='"more then 30 days ago"'),
    Typo(name="a key that there is not", right="priority ", wrong="prioritty"),
)


def _checked(stage: Stage, command: Sequence[Path | str]) -> Iterator[Step]:
    """Yield what an editor's checker says of the shipped rules as they are, and with each typo."""
    rules = stage.scratch / "rules"
    shutil.copytree(bundled("rules"), rules)
    schema = [sys.executable, "-c", "from refsync.cli.main import main; main()", "rules", "schema", "--rules", str(rules)]
    subprocess.run(schema, check=True, capture_output=True, timeout=120)
    files = sorted(path for path in rules.glob("*.toml") if path.name not in SHARED)
    clean = _run([*command, *files], stage.scratch)
    yield Step(
        name="the shipped rules", ok=clean.returncode == 0, told=f"{len(files)} files" if not clean.returncode else _tail(clean)
    )
    text = (rules / RULE).read_text()
    for typo in TYPOS:
        before, found, after = text.partition(typo.right)
        (rules / RULE).write_text(f"{before}{typo.wrong}{after}")
        line = before.count("\n") + 1
        ran = _run([*command, rules / RULE], stage.scratch)
        marked = [int(found) for found in re.findall(rf"{re.escape(RULE)}:(\d+):\d+", PLAIN.sub("", ran.stdout + ran.stderr))]
        ok = bool(found) and ran.returncode != 0 and line in marked
        yield Step(name=typo.name, ok=ok, told=f"line {line}" if ok else f"line {line}, marked {marked}: {_tail(ran)}")


def _run(command: Sequence[Path | str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(folder), "NO_COLOR": "1"}
    line = [str(part) for part in command]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def _tail(ran: subprocess.CompletedProcess[str]) -> str:
    return " ".join(PLAIN.sub("", ran.stdout + ran.stderr).split())[-300:]


EXPECTED = ("the shipped rules", *(typo.name for typo in TYPOS))


def taplo(stage: Stage) -> Trial:
    """Its checker, with its own look-up of the schema by the first line of each file."""
    with_node: list[Path | str] = ["node", stage.node / "node_modules" / ".bin" / "taplo", "check"]
    return Trial(
        client="@taplo/cli 0.7.0",
        expected=EXPECTED,
        steps=tuple(_checked(stage, with_node)),
        cannot={"one mark for an unknown fact": "it marks each line of the table to which the dotted key belongs"},
    )


def tombi(stage: Stage) -> Trial:
    """Its linter, offline."""
    steps = _checked(stage, [stage.python("tombi") / "tombi", "lint", "--offline"])
    return Trial(client="tombi 1.9.6", expected=EXPECTED, steps=tuple(steps))


TRIALS: Mapping[str, Callable[[Stage], Trial]] = {"taplo": taplo, "tombi": tombi}
