"""Claims: trained today, trials of the committed results are what those say, to the bit."""

from pathlib import Path

import pytest

from sweep.reports.recorded import recorded_datasets
from sweep.reports.verification import kinds_of, read_claims
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_trials
from sweep.training.verification.verify import verify_trial
from sweep.trial import Status

EXAMPLES = Path(__file__).parents[1] / "results" / "examples"
MOST_EPOCHS = 3000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "engine", "kinds"),
    [
        ("encoder", "fused", 8),
        ("identity", "fused", 8),
        ("stacked_full_batch", "fused", 4),
        ("denoising", "fused", 8),
        ("vanishing", "torch", 1),
        ("zhang2017_readings", "fused", 8),
    ],
)
def test_the_shortest_trials_of_each_kind_end_as_they_did(
    name: str, engine: str, kinds: int
) -> None:
    directory = ResultsDir(EXAMPLES / name)
    trials = read_trials(directory.path)
    trials = trials[
        (trials["status"] == Status.FINISHED)
        & (trials["engine"] == engine)
        & trials["epochs"].between(50, MOST_EPOCHS)
    ]
    shortest = trials.sort_values("epochs", kind="stable").assign(kind=kinds_of)
    chosen = shortest.drop_duplicates("kind")["trial_id"].head(kinds).tolist()
    assert len(chosen) == kinds
    claims = list(read_claims(directory, trials, chosen))
    specs = recorded_datasets(directory, {claim.trial.data_fingerprint for claim in claims})
    for claim in claims:
        verdict = verify_trial(claim, specs[claim.trial.data_fingerprint])
        assert verdict.holds, verdict
        assert engine == "torch" or verdict.solo.text == "same bits"
