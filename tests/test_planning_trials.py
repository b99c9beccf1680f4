"""The trials that a plan makes know their identities, and are those that hashing would name."""

from sweep.config import parse_config
from sweep.planning import make_plan
from sweep.trial import PARAMETERS, Trial
from tests.sweepfiles import small

GRID = [
    {
        "replicates": 3,
        "optimizer": ["adam"],
        "activation": ["relu", "tanh"],
        "learning_rate": [0.1, 0.01],
    },
    {
        "replicates": 2,
        "activation": ["relu"],
        "optimizer": ["adam", {"name": "rmsprop", "rho": 0.9}],
        "learning_rate": [0.1, 0.5],
    },
]


def test_trials_of_a_plan_have_the_identities_of_their_parameters() -> None:
    grid = make_plan(parse_config(small(grid=GRID)), workers=1).grid
    trials = list(grid)
    assert len(trials) == len(grid) > 12
    for row, trial in enumerate(trials):
        again = Trial(**{name: getattr(trial, name) for name in PARAMETERS})
        assert (again.trial_id, again.path_id) == (trial.trial_id, trial.path_id)
        assert trial == again == grid.trial(row)
