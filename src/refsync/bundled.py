"""Files that ship beside the code: the rules and the sample configuration."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def bundled(name: str) -> Path:
    """Return the path of a shipped file or folder (`rules`, `config.example.toml`).

    In an installed wheel it lies inside the package, in a checkout at the top of the tree.
    """
    inside = Path(str(files("refsync"))) / "_bundled" / name
    return inside if inside.exists() else Path(__file__).parents[2] / name
