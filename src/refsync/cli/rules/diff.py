"""`refsync rules diff`: what an edited folder of rules changes, as matches and tasks instead of text."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from refsync import config as configuration
from refsync import log
from refsync.bundled import bundled
from refsync.cli.judging import BookOption, stores
from refsync.cli.screen import dump, out
from refsync.cli.workspace import DEFAULT_CONFIG, ConfigOption, ConnectionOption, JsonOption, NowOption, RulesOption, parse_now
from refsync.errors import Problem, UserError
from refsync.model import iso
from refsync.rules.files.folder import load
from refsync.rules.rule import RuleSet
from refsync.sync.dry_run.effect import Changed, Effect, effect

HASH_SHOWN = 12


def diff(
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="live|git:REV", help="What to compare with; left out: live with --rules, else git:HEAD."
        ),
    ] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for a pull request.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    connection: ConnectionOption = None,
    book: BookOption = None,
    rules: RulesOption = None,
    now: NowOption = None,
    json: JsonOption = False,
) -> None:
    """Show the effect of edited rules, not the text: matches won and lost, tasks of the next run, tasks that would close.

    The edited folder is that of --rules, or the configured one; `live` is the configured one, git:REV its state at a revision.
    """
    log.configure("warning", for_people=not json)
    at = parse_now(now)
    configured = bundled("rules") if book and not config.exists() else configuration.load(config).rules
    folder = rules or configured
    with _other(against or ("live" if rules else "git:HEAD"), configured, folder) as other:
        before, after = load(other), load(folder)
        with stores(book, config, connection, after, at, quiet=json) as found_in:
            told: dict[str, Effect] = {}
            for of, store in found_in:
                with store.read() as db:
                    told[of] = effect(db, of, before, after, at)
    if json:
        dump({"now": iso(at), "hash": after.digest, "connections": {of: _as_json(one) for of, one in told.items()}})
    else:
        for of, one in told.items():
            out.print("\n".join(_markdown(of, one, after) if as_markdown else _lines(of, one, after)), markup=False)


@contextmanager
def _other(against: str, configured: Path, folder: Path) -> Iterator[Path]:
    """Give the folder to compare with. Raises UserError."""
    if against == "live":
        if configured.resolve() == folder.resolve():
            hint = "name the edited one with --rules, or compare with a revision: --against git:HEAD"
            raise UserError(Problem(message="the edited folder is the live one", hint=hint))
        yield configured
    elif against.startswith("git:"):
        with tempfile.TemporaryDirectory(prefix="refsync-rules-") as temporary:
            _extract(against.removeprefix("git:"), folder, Path(temporary))
            yield Path(temporary)
    else:
        raise UserError(Problem(message=f'--against "{against}" is nothing to compare with', hint="write live or git:REVISION"))


def _extract(revision: str, folder: Path, to: Path) -> None:
    """Write a folder as it was at a revision. Raises UserError when git cannot tell."""
    if revision.startswith("-"):
        raise UserError(f'"{revision}" is no revision')
    command = ["git", "-C", str(folder), "archive", "--format=tar", revision, "--", "."]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a fixed command, no shell
    except OSError as error:
        raise UserError(Problem(message="git cannot be run", hint=str(error))) from None
    if done.returncode:
        hint = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["is the folder in a git repository?"]
        raise UserError(Problem(message=f'git knows no rules at "{revision}"', hint=hint[0]))
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(to, filter="data")


def _lines(connection: str, told: Effect, after: RuleSet) -> Iterator[str]:
    yield f"{connection}: {', '.join(told.settings) or 'segments as before'}"
    changed = [one for one in told.rules if not one.is_same]
    width = max((len(one.rule) for one in changed), default=0)
    for one in changed:
        shares = "   ".join((_share("+", one.gained), _share("-", one.lost)))
        yield f"{one.rule:<{width}}   {one.before:,} -> {one.after:,} matches   {shares}".rstrip()
    same = len(told.rules) - len(changed)
    yield f"{same} rules match the same" if changed else "every rule matches the same"
    yield _next(told)
    yield f"approve, where the next run asks for it, with: refsync approve {after.digest[:HASH_SHOWN]}"


def _markdown(connection: str, told: Effect, after: RuleSet) -> Iterator[str]:
    yield f"### What these rules change in `{connection}`\n"
    yield from (f"- `{setting}`" for setting in told.settings)
    yield "\n| rule | before | after | won | lost |\n|---|---:|---:|---|---|"
    for one in told.rules:
        if not one.is_same:
            yield f"| {one.rule} | {one.before:,} | {one.after:,} | {_share('+', one.gained)} | {_share('-', one.lost)} |"
    yield f"\n{_next(told).strip()}\n\nApprove with `refsync approve {after.digest[:HASH_SHOWN]}`."


def _next(told: Effect) -> str:
    more = told.tasks_after - told.tasks_before
    count = f"{more:,} more" if more > 0 else f"{-more:,} fewer" if more else "no more"
    return f"  next run: {count} tasks, {told.other_tasks:,} different ones   open tasks that would clear: {told.cleared:,}"


def _share(sign: str, counts: Mapping[str, int]) -> str:
    """Return `+1,770 (all core)` or `-12 (8 core, 4 key)`."""
    if not counts:
        return ""
    parts = [f"{count:,} {segment}" for segment, count in sorted(counts.items(), key=lambda item: -item[1])]
    told = f"all {next(iter(counts))}" if len(counts) == 1 else ", ".join(parts)
    return f"{sign}{sum(counts.values()):,} ({told})"


def _as_json(told: Effect) -> dict[str, object]:
    def plain(one: Changed) -> dict[str, object]:
        return {**asdict(one), "gained": dict(one.gained), "lost": dict(one.lost)}

    return {**asdict(told), "settings": list(told.settings), "rules": [plain(one) for one in told.rules if not one.is_same]}
