"""Chooses what trains a trial. Knows the engines by name only."""

from sweep.trial import Trial


def choose_engine(trial: Trial, requested: str) -> str:
    """Return the engine for a trial.

    A pure function of the trial's pack key, never of a timing, so that a sweep planned anywhere
    trains the same way.

    Args:
        trial: any trial of the pack key.
        requested: the engine that the sweep asks for; `auto` for the fastest that can train it.
    """
    assert trial.topology, "a trial has a topology"
    return "torch" if requested == "auto" else requested
