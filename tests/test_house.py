"""Promises that nobody keeps by eye."""

from __future__ import annotations

import inspect
import re
import socket
import tomllib
import urllib.request
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from refsync import config, errors
from refsync.bundled import bundled
from refsync.rules.files.folder import check as check_files

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_no_connection_leaves_this_machine(host: str) -> None:
    """A connection to another machine is refused in every test."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as outbound, pytest.raises(OSError, match="may not connect"):
        outbound.connect((host, 443))


def test_no_name_is_looked_up() -> None:
    """A request by name is refused before a resolver is asked."""
    with pytest.raises(OSError, match="may not look up"):
        urllib.request.urlopen("http://crm.example.com/", timeout=0.1)


def test_every_connector_folder_is_an_entry_point() -> None:
    """A folder in connectors/ is found by the registry."""
    folders = {path.name for path in (ROOT / "connectors").iterdir() if path.is_dir() and path.name != "__pycache__"}

    assert folders == {point.module for point in entry_points(group="refsync.connectors")}


def test_every_error_is_in_the_tree() -> None:
    """The docstring of errors.py draws each error class at its depth below its parent."""
    tree = {name: len(indent) for indent, name in re.findall(r"^( +)(\w+)", errors.__doc__ or "", re.MULTILINE)}
    classes = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.RefsyncError)]

    assert {kind.__name__ for kind in classes} == set(tree)
    for kind in classes:
        parent = kind.__mro__[1]
        if parent is not Exception:
            assert tree[kind.__name__] == tree[parent.__name__] + 2


def test_shipped_rules_check() -> None:
    """The shipped rules have neither errors nor warnings."""
    rules, problems = check_files(bundled("rules"))

    assert [] == [str(problem) for problem in problems]
    assert rules is not None
    assert "live" not in {rule.mode.value for rule in rules.rules}


def test_sample_configuration_loads_with_every_example_switched_on(tmp_path: Path) -> None:
    """config.example.toml is valid as it stands, and still when its commented settings are made real."""
    text = bundled("config.example.toml").read_text()
    switched_on = re.sub(r"^#(?=[a-z\[][^ ]*( =|\]))", "", text, flags=re.MULTILINE)
    path = tmp_path / "config.toml"
    path.write_text(switched_on)

    settings = config.load(path)

    assert {"salesforce", "hubspot", "files"} == {connection.connector for connection in settings.connections}


def test_requirements_name_no_address() -> None:
    """The pinned requirements carry hashes and nothing about where packages come from."""
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()

        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|--index|--find-links", text), path


def test_commands_are_in_the_readme() -> None:
    """Each command has help and stands in the README."""
    import typer.main

    from refsync.cli.main import app

    commands = typer.main.get_group(app).commands
    readme = (ROOT / "README.md").read_text()

    for name, command in commands.items():
        assert command.help, name
        assert f"refsync {name}" in readme


def test_toml_examples_in_the_documentation_are_valid() -> None:
    """Every TOML block in the documentation parses."""
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/*.md")]:
        for block in re.findall(r"```toml\n(.*?)```", path.read_text(), re.DOTALL):
            tomllib.loads(block)
