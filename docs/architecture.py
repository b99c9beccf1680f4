"""Draws the pictures of docs/architecture.md from the code: `python docs/architecture.py`."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
WAY = (
    ("driver", "config.load:load_config"),
    ("driver", "planning.plan:make_plan"),
    ("driver", "planning.packs:make_packs"),
    ("driver", "api:run_sweep"),
    ("driver", "running.driver:run_on"),
    ("driver", "running.work_queue:PlanQueue"),
    ("driver", "ray.event_loop:run_on_ray"),
    ("worker", "ray.trainable:train"),
    ("worker", "running.worker_loop:run_pack"),
    ("worker", "training.pool:train_pack"),
    ("worker", "engines.contract:Engine"),
    ("broker", "ray.broker:Broker"),
    ("driver", "running.coordinator:Coordinator"),
    ("driver", "store.tables.writer:Writer"),
    ("reader", "store.tables.reader:read_trials"),
    ("reader", "reports.report:write_report"),
)
"""The way of a trial from the sweep file to its row: in which process, and what is called there."""


def render(page: str) -> str:
    """Return the page with its generated blocks as the code has them now."""
    for name, block in {"way": way(), "packages": packages(), "rooms": rooms()}.items():
        start, end = f"<!-- {name}:start -->\n", f"\n<!-- {name}:end -->"
        before, rest = page.split(start)
        page = before + start + block + end + rest.partition(end.strip())[2]
    return page


def way() -> str:
    """Return the stations of a trial, each with the first sentence of its documentation."""
    rows = [
        f"| {number} | {process} | [`sweep.{place}`](../{path_of(place)}) | {sentence_of(place)} |"
        for number, (process, place) in enumerate(WAY, 1)
    ]
    return "\n".join(["| | process | where | what it does |", "| --- | --- | --- | --- |", *rows])


def packages() -> str:
    """Return a picture of which package imports which, what follows from other arrows left out."""
    layers = package_layers()
    rank = {name: number for number, layer in enumerate(layers) for name in layer}
    edges = {
        (above, below)
        for above in rank
        for below in imports_of(above) & rank.keys() - {above}
        if rank[above] <= rank[below]
    }
    down = {name: {b for a, b in edges if a == name and rank[b] > rank[a]} for name in rank}

    def reaches(above: str, below: str) -> bool:
        return any(step == below or reaches(step, below) for step in down[above])

    shown = [
        (above, below)
        for above, below in sorted(edges, key=lambda edge: (rank[edge[0]], rank[edge[1]], edge))
        if not any(reaches(step, below) for step in down[above] - {below})
    ]
    lines = [f"    {above} --> {below}" for above, below in shown]
    return "\n".join(["```mermaid", "flowchart TD", *lines, "```"])


def rooms() -> str:
    """Return a table of all packages, from the top layer down."""
    rows = [
        f"| [`sweep.{name}`](../{path_of(name)}) | {sentence_of(name)} |"
        for layer in package_layers()
        for name in layer
    ]
    return "\n".join(["| package | what it holds |", "| --- | --- |", *rows])


def package_layers() -> list[list[str]]:
    """Return the packages and modules of each layer, as the import contracts have them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [re.findall(r"sweep\.(\w+)", layer) for layer in layers]


def imports_of(name: str) -> set[str]:
    """Return the packages and modules directly below `sweep` that a package imports."""
    found: set[str] = set()
    for file in sorted(path_of(name, absolute=True).rglob("*.py")) or [
        path_of(name, absolute=True)
    ]:
        for module in imported(ast.parse(file.read_text("utf-8"))):
            found.update(re.findall(r"^sweep\.(\w+)", module))
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "sweep":
            yield from (f"sweep.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def path_of(place: str, *, absolute: bool = False) -> Path:
    """Return the file or folder of `package.module:name`, relative to the root or absolute."""
    path = ROOT / "sweep" / place.partition(":")[0].replace(".", "/")
    path = path if path.is_dir() else path.with_suffix(".py")
    return path if absolute else path.relative_to(ROOT)


def sentence_of(place: str) -> str:
    """Return the first sentence of what a package, module, class or function says of itself."""
    path, _, name = path_of(place, absolute=True), *place.partition(":")[1:]
    tree = ast.parse((path / "__init__.py" if path.is_dir() else path).read_text("utf-8"))
    named = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in tree.body if isinstance(node, named) and node.name == name]
    assert nodes or not name, f"docs/architecture.py: WAY must name what there is (got {place})"
    text = ast.get_docstring(nodes[0] if nodes else tree) or ""
    return re.split(r"(?<=[.])\s", " ".join(text.split()))[0]


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
