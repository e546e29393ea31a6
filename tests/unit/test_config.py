"""config.toml: every problem at once with its place, secrets by reference only."""

from __future__ import annotations

from pathlib import Path

import pytest

from refsync import config
from refsync.errors import ConfigError, UserError

GOOD = """
store = "refsync.db"
[connection.acme]
connector = "salesforce"
every = "15 minutes"
domain = "acme.my"
client_secret = { env = "ACME_SECRET" }
"""


def load(folder: Path, text: str) -> config.Settings:
    path = folder / "config.toml"
    path.write_text(text)
    return config.load(path)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(UserError) as found:
        load(folder, text)
    return [str(problem).replace(f"{folder}/", "") for problem in found.value.problems]


def test_settings_are_read(tmp_path: Path) -> None:
    """Durations become seconds, relative paths start at the file's folder."""
    settings = load(tmp_path, GOOD)

    assert 900.0 == settings.connections[0].every
    assert f"sqlite:///{tmp_path / 'refsync.db'}" == settings.store
    assert tmp_path / "rules" == settings.rules


def test_all_problems_come_at_once_with_their_place(tmp_path: Path) -> None:
    """An unknown key, a wrong duration and an unknown connector are one report with three lines."""
    text = 'strore = "x"\n[connection.a]\nconnector = "salesfroce"\nevery = "often"\n'
    found = problems(tmp_path, text)

    assert [1, 3, 4] == [int(line.split(":")[1]) for line in found]
    assert 'did you mean "store"?' in found[0]
    assert 'did you mean "salesforce"?' in found[1]
    assert "15 minutes" in found[2]


def test_unknown_connector_is_mended(tmp_path: Path) -> None:
    """A connector that is not installed is an error at its line, with the one that was meant."""
    (line,) = problems(tmp_path, '[connection.a]\nconnector = "salesfroce"\n')

    assert "config.toml:2:13" in line
    assert 'did you mean "salesforce"?' in line


def test_broken_toml_names_the_place(tmp_path: Path) -> None:
    """A syntax error is a problem with line and column, no traceback."""
    (line,) = problems(tmp_path, 'store = "refsync.db\n')

    assert "config.toml:1:" in line


def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """Without a config.toml the error names the command that makes one."""
    with pytest.raises(ConfigError, match="refsync init"):
        config.load(tmp_path / "config.toml")


def test_secret_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference is resolved when the connection is opened; the secret does not show itself."""
    monkeypatch.setenv("ACME_SECRET", "canary")
    secret = load(tmp_path, GOOD).connections[0].settings({}).options["client_secret"]

    assert "canary" == secret.reveal()
    assert "canary" not in repr(secret) + str(secret)


def test_missing_secret_is_a_problem_at_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference to nothing names the variable and the line."""
    monkeypatch.delenv("ACME_SECRET", raising=False)
    with pytest.raises(ConfigError, match=r"config.toml:7:\d+: error: client_secret: the environment variable ACME_SECRET"):
        load(tmp_path, GOOD).connections[0].settings({})


def test_secret_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A secret file must be its owner's alone."""
    secret = tmp_path / "secret"
    secret.write_text("canary\n")
    settings = load(tmp_path, GOOD.replace('{ env = "ACME_SECRET" }', '{ file = "secret" }'))
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 400"):
        settings.connections[0].settings({})
    secret.chmod(0o400)

    assert "canary" == settings.connections[0].settings({}).options["client_secret"].reveal()


def test_credential_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential is read from the folder that systemd names."""
    (tmp_path / "acme").write_text("canary")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    settings = load(tmp_path, GOOD.replace('{ env = "ACME_SECRET" }', '{ credential = "acme" }'))

    assert "canary" == settings.connections[0].settings({}).options["client_secret"].reveal()


def test_unknown_connection_is_mended(tmp_path: Path) -> None:
    """Asking for a connection that is not there names the one that was meant."""
    with pytest.raises(ConfigError, match='did you mean "acme"'):
        load(tmp_path, GOOD).connection("acne")
