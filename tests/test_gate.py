"""Claims: identities and bits are what they were, and an older results directory is gone on with.

What was recorded lies in tests/gate; `python -m tests.gate` records it anew, on purpose alone.
"""

from typing import Any

import pytest

from tests.gate import (
    CONFIGS,
    IDENTITIES,
    digest_of_config,
    read,
    trial_of,
    write_images,
)

IDENTIFIED: dict[str, Any] = read(IDENTITIES)


@pytest.mark.parametrize("name", sorted(IDENTIFIED["configs"]))
def test_the_trials_of_every_sweep_file_keep_their_identities(name, tmp_path):
    write_images(tmp_path)
    found = digest_of_config(CONFIGS / f"{name}.yaml", tmp_path)
    assert found == IDENTIFIED["configs"][name]


def test_every_sweep_file_is_recorded():
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == set(IDENTIFIED["configs"])


def test_trials_from_all_over_the_space_keep_their_identities():
    for recorded in IDENTIFIED["trials"]:
        trial = trial_of(recorded["fields"])
        assert (trial.trial_id, trial.path_id) == (recorded["trial_id"], recorded["path_id"])
