"""Claims: the notebooks of examples/ run as they stand, and are kept without what a run leaves."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import sweep
from tests.cluster_sweeps import small_sweep

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_a_run_leaves(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def executed(path: Path, folder: Path) -> list[dict[str, Any]]:
    """Return what the cells of a notebook show, run in a kernel of its own."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_as_it_stands(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MPLBACKEND", raising=False)  # a kernel draws into its cells
    folder = tmp_path / "examples"
    folder.mkdir()
    (tmp_path / "results").symlink_to(ROOT / "results")
    shown = executed(path, folder)
    assert [output for output in shown if output["output_type"] == "error"] == []
    assert [
        o["text"] for o in shown if o["output_type"] == "stream" and o["name"] == "stderr"
    ] == []
    kinds = [kind for output in shown for kind in output.get("data", {})]
    assert kinds.count("image/png") >= 2
    assert any("trials" in output.get("data", {}).get("text/html", "") for output in shown)


@pytest.mark.slow
def test_a_bar_goes_along_with_a_run_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    monkeypatch.chdir(tmp_path)
    shell: Any = InteractiveShell.instance()
    try:
        shell.kernel = object()  # by which a notebook is told from a terminal
        with capture_output() as captured:
            sweep.run(small_sweep(), use_ray=False)
    finally:
        InteractiveShell.clear_instance()
    first, *others = [dict(output._repr_mimebundle_()[0]) for output in captured.outputs]
    assert (captured.stdout, captured.stderr) == ("", "")
    assert "<progress" in first["text/html"]
    assert others[-1] == {"text/plain": "", "text/html": ""}
