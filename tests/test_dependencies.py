"""What pyproject.toml asks to be installed is what the package imports."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = {"pyyaml": "yaml", "scikit-learn": "sklearn"}


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).partition(".")[0]


def test_every_dependency_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = [re.split(r"[^\w-]", text)[0] for text in project["dependencies"]]
    imported = {name for path in (ROOT / "sweep").rglob("*.py") for name in imported_modules(path)}
    assert [name for name in names if MODULES.get(name, name) not in imported] == []
