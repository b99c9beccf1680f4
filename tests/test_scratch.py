"""Claims: a killed process's temporary folder goes with the next one's, a live one's never."""

import subprocess
import sys
from pathlib import Path

from sweep.scratch import scratch_folder

HOLDER = """
import sys
from pathlib import Path
from sweep.scratch import scratch_folder

with scratch_folder("sweep-tune-", Path(sys.argv[1])) as folder:
    (folder / "experiment").write_text("held")
    print(folder, flush=True)
    sys.stdin.read()
"""


def hold(within: Path) -> tuple["subprocess.Popen[str]", Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, within],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_a_folder_goes_with_its_block(tmp_path: Path) -> None:
    with scratch_folder("sweep-tune-", tmp_path) as folder:
        (folder / "experiment").write_text("held")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_a_live_one_holds_is_not(
    tmp_path: Path,
) -> None:
    killed, left = hold(tmp_path)
    live, held = hold(tmp_path)
    killed.kill()
    killed.communicate()
    (tmp_path / "other").mkdir()
    (tmp_path / "sweep-tune-link").symlink_to(tmp_path / "other")
    assert (left / "experiment").exists()
    with scratch_folder("sweep-tune-", tmp_path):
        assert not left.exists()
        assert (held / "experiment").read_text() == "held"
    live.communicate("")
    assert live.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "sweep-tune-link"]
