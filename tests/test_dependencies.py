"""What pyproject.toml asks to be installed is what the package imports, and the other way round."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = {"pyyaml": "yaml", "scikit-learn": "sklearn"}

BROUGHT = {
    "aiohttp": "by ray[default], which is the extra `cluster`",
    "cmaes": "by the extra `search`",
    "mlflow": "by the extra `export`",
    "optuna": "by the extra `search`",
    "psutil": "inside of Ray",
    "tensorboard": "by the extra `export`",
    "xarray": "by the extra `export`",
}
"""What is imported where another dependency has brought it."""


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]


def declared() -> set[str]:
    """Return the modules that the declared dependencies bring."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = [re.split(r"[^\w-]", text)[0] for text in project["dependencies"]]
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


def imported() -> set[str]:
    return {name for path in (ROOT / "sweep").rglob("*.py") for name in imported_modules(path)}


def test_every_dependency_is_imported() -> None:
    assert declared() - imported() == set()


def test_everything_imported_is_declared() -> None:
    foreign = imported() - set(sys.stdlib_module_names) - {"sweep", *BROUGHT}
    assert foreign - declared() == set()


def test_the_extra_for_searches_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extra = project["optional-dependencies"]["search"]
    assert {re.split(r"[^\w-]", text)[0] for text in extra} == {"cmaes", "optuna"}
    assert {"cmaes", "optuna"} <= imported()
    assert set(extra) <= set(project["optional-dependencies"]["test"])
