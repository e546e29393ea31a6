"""A broken config.toml as an admin meets it: one report, each problem at its place with what was meant, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CASES = [
    # (config.toml, what `refsync check --offline` says, exit code)
    ('[connection.a]\nconnector = "files"\nfoldr = "b"\n', ('config.toml:3:9: error: connection "a" has no option "foldr"',), 1),
    (
        '[connection.a]\nconnector = "salesforce"\ndomain = "acme.my"\nclient_idd = "x"\nclient_secret = { env = "NOT_SET" }\n',
        ('config.toml:4:14: error: connection "a" has no option "client_idd"', "config.toml:5:17: error: client_secret: the env"),
        1,
    ),
    ('[connection.a]\nconnector = "hubspot"\ntoken = { file = "none" }\n', ("config.toml:3:9: error: token: none cannot be",), 1),
    ('[connection.a]\nconnector = "hubspot"\ntoken = { file = "rules" }\n', ("token: rules cannot be read: Is a directory",), 1),
    ('[connection.a]\nconnector = "hubspot"\ntoken = { file = "empty" }\n', ("3:9: error: token: empty is empty",), 1),
    ('[connection.a]\nconnector = "hubspot"\ntoken = { file = "bytes" }\n', ("3:9: error: token: bytes is not UTF-8 text",), 1),
    (
        'log_level = "loud"\nrules = 5\n[connection.a]\nconnector = "files"\nevery = inf\n',
        ("1:13: error: log_level is never 'loud'", "2:9: error: rules must be a text", '5:9: error: connection.a.every: say it'),
        2,
    ),
    ('connection = "files"\n', ("config.toml:1:14: error: connection must be a table", "write [connection.NAME]"), 2),
    ('[connection]\nconnector = "files"\n', ("2:13: error: connection.connector must be a table",), 2),
    ('store = "mysql://host/x"\n[connection.a]\nconnector = "files"\n', ("config.toml:1:9: error: store: only a file",), 2),
    (
        'store = "postgresql://me:canary@host/x"\n[connection.a]\nconnector = "files"\n',
        ("config.toml:1:9: error: store: a password must not stand in this file",),
        2,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "code"), CASES)
def test_what_is_wrong_in_the_configuration_is_said_at_its_place(
    tmp_path: Path, text: str, expected: tuple[str, ...], code: int
) -> None:
    """Several problems come at once; no secret is shown."""
    for name, content in (("empty", b"\n"), ("bytes", b"\xff\xfe")):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o400)
    (tmp_path / "rules").mkdir()
    (tmp_path / "config.toml").write_text(text)
    run = [sys.executable, "-c", "from refsync.cli.main import main; main()"]
    done = subprocess.run([*run, "check", "--offline"], cwd=tmp_path, check=False, capture_output=True, text=True)

    assert code == done.returncode, done.stderr
    for line in expected:
        assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert "canary" not in done.stdout + done.stderr
