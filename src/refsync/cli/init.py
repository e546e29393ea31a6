"""`refsync init`: a commented configuration and the shipped rules, to begin with; rules write tasks only where one says so."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from refsync.bundled import bundled
from refsync.cli.screen import dump, out
from refsync.errors import Place, Problem, UserError, did_you_mean, shown
from refsync.rules.files.folder import load

QUESTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Write tasks to reconnect with neglected and silent customers?": ("reconnect-*", "account-warm-people-cold"),
        "Write tasks to ask for referrals, once they are earned?": ("ask-*", "reconnect-before-asking"),
        "Write tasks to follow up introductions, thank the source and tell how it went?": (
            "follow-up-introduction",
            "thank-source-*",
            "tell-source-*",
        ),
        "Write a task for the manager when too little of a rep's book is in touch?": ("coverage-low",),
    }
)
"""What is asked on a terminal, and the rules that a yes turns live."""
WATCHING = re.compile(r'^(mode\s*=\s*)"watch"', re.MULTILINE)


def init(
    folder: Annotated[Path, typer.Argument(help="Where to put config.toml and rules/.")] = Path(),
    live: Annotated[
        list[str] | None, typer.Option("--live", help="A rule, or a pattern such as 'reconnect-*', that is to write tasks.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON for machines.")] = False,
) -> None:
    """Write config.toml and a copy of the shipped rules with their tests. Never overwrites.

    All rules only watch, except those named by --live or, on a terminal, those to which you say yes.
    """
    config, rules = folder / "config.toml", folder / "rules"
    there = [path for path in (config, rules) if path.exists()]
    if there:
        hint = "nothing was changed; choose another folder, or remove it first"
        raise UserError(Problem(message="it is there already", hint=hint, place=Place(shown(path))) for path in there)
    wanted = _wanted(live, asking=not json and sys.stdin.isatty())
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(bundled("config.example.toml"), config)
    shutil.copytree(bundled("rules"), rules, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    turned_on = [name for name in wanted if _turn_on(rules / f"{name}.toml")]
    if json:
        dump({"config": str(config), "rules": str(rules), "live": turned_on})
        return
    out.print(f"wrote {config} and {rules}/", markup=False)
    if turned_on:
        out.print(f"live: {', '.join(turned_on)}", markup=False)
    out.print("1. fill in a connection in config.toml", markup=False)
    out.print("2. refsync check             is everything right?", markup=False)
    out.print("3. refsync sync --dry-run    what would be written?", markup=False)
    out.print('4. set mode = "live" in the rules you want, then: refsync sync, refsync daemon', markup=False)


def _wanted(named: Sequence[str] | None, *, asking: bool) -> list[str]:
    """Return the rules that are to be live, and those that speak before them, by name. Raises UserError for one there is not."""
    known = {rule.name: rule for rule in load(bundled("rules")).rules}
    patterns = named or (list(_answers()) if asking else [])
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            hint = did_you_mean(pattern, known) or f"one of: {', '.join(known)}"
            raise UserError([Problem(message=f'--live {pattern}: no shipped rule is called "{pattern}"', hint=hint)])
    chosen = {name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns)}
    return sorted(chosen | {known[name].otherwise for name in chosen if known[name].otherwise})


def _answers() -> Iterator[str]:
    out.print("Rules only watch until you want their tasks; you can change your mind in each rule's file.", markup=False)
    for question, patterns in QUESTIONS.items():
        if typer.confirm(question, default=False):
            yield from patterns


def _turn_on(path: Path) -> bool:
    """Return whether a rule that watched is live now; one that is off waits for something and stays so."""
    text = path.read_text(encoding="utf-8")
    path.write_text(WATCHING.sub(r'\1"live"', text), encoding="utf-8")
    return bool(WATCHING.search(text))
