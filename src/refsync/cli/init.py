"""`refsync init`: a commented configuration and the shipped rules, to begin with."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from refsync.bundled import bundled
from refsync.cli.screen import dump, out
from refsync.errors import Place, Problem, UserError, shown


def init(
    folder: Annotated[Path, typer.Argument(help="Where to put config.toml and rules/.")] = Path(),
    json: Annotated[bool, typer.Option("--json", help="JSON for machines.")] = False,
) -> None:
    """Write config.toml and a copy of the shipped rules. Never overwrites."""
    config, rules = folder / "config.toml", folder / "rules"
    there = [path for path in (config, rules) if path.exists()]
    if there:
        hint = "nothing was changed; choose another folder, or remove it first"
        raise UserError(Problem(message="it is there already", hint=hint, place=Place(shown(path))) for path in there)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(bundled("config.example.toml"), config)
    shutil.copytree(bundled("rules"), rules, ignore=shutil.ignore_patterns("tests", ".*", "__pycache__"))
    if json:
        dump({"config": str(config), "rules": str(rules)})
        return
    out.print(f"wrote {config} and {rules}/", markup=False)
    out.print("1. fill in a connection in config.toml", markup=False)
    out.print("2. refsync check             is everything right?", markup=False)
    out.print("3. refsync sync --dry-run    what would be written?", markup=False)
    out.print('4. set mode = "live" in the rules you want, then: refsync sync, refsync daemon', markup=False)
