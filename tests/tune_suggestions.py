"""Watches what is suggested to Ray Tune, which trials are workers to."""

from typing import Any

import pytest

from sweep.ray import tuning


def watch_suggestions(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return a list that takes the configuration of each trial of Tune as it is suggested."""
    suggested: list[dict[str, Any]] = []

    class Watched(tuning.WorkerSearcher):
        def suggest(self, trial_id: str) -> Any:
            config = super().suggest(trial_id)
            suggested.extend([config] if isinstance(config, dict) else [])
            return config

    monkeypatch.setattr(tuning, "WorkerSearcher", Watched)
    return suggested
