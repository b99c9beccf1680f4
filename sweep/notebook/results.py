"""The results of a sweep as an object: its tables, its networks and its pictures."""

from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING

from sweep.errors import StoreError
from sweep.reports.false_convergence import COLUMN
from sweep.reports.findings.subject import COLUMNS
from sweep.reports.population import Population, population_of
from sweep.reports.recorded import asked_for
from sweep.reports.rejudging import COMMON, read_telling
from sweep.reports.tables.selection import OUTCOME_COLUMNS, shown_columns
from sweep.store.places.layout import required_results
from sweep.store.places.remote import AnyPath
from sweep.store.tables import reader

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from sweep.nets.autoencoder import Autoencoder
    from sweep.notebook.plots import Plots

TrialIds = str | Collection[str] | None


class Results:
    """The results of a sweep, read as they are asked for.

    A notebook shows them as a table of the best settings beside a picture of all losses.

    Attributes:
        path: where they lie.
    """

    def __init__(self, path: str | AnyPath) -> None:
        """Find the results.

        Args:
            path: the results directory, or its URI in object storage.

        Raises:
            StoreError: there are none.
        """
        self._directory = required_results(path)

    @property
    def path(self) -> AnyPath:
        """Where they lie."""
        return self._directory.path

    @cached_property
    def trials(self) -> "pd.DataFrame":
        """The trials, one row each: what varied among them, and what came out.

        They are as they were when first asked for: `reload` reads them anew.
        """
        names = [n for n in shown_columns(self._told, ()) if n != COLUMN]
        return reader.read_trials(self.path, names)[names]

    @property
    def table(self) -> "pd.DataFrame":
        """The trials with all columns, those that are the same in all trials included."""
        return reader.read_trials(self.path)

    @cached_property
    def population(self) -> Population:
        """The trials that count, as in a report, and those that do not."""
        return population_of(self._told, asked_for(self._directory))

    @cached_property
    def _told(self) -> "pd.DataFrame":
        """What varies among the trials, how they ended, and what pictures are drawn of."""
        return read_telling(self._directory, columns=[*COMMON, *COLUMNS, *OUTCOME_COLUMNS])

    def reload(self) -> "Results":
        """Forget what was read, as trials were added; return these results."""
        for name in ("trials", "population", "_told"):
            self.__dict__.pop(name, None)
        return self

    def curves(self, trials: TrialIds = None) -> "pd.DataFrame":
        """Read the recorded losses, a row for each trial and epoch.

        Args:
            trials: a trial, or several, by identity or its beginning; None for all.
        """
        return reader.read_curves(self.path, self._identities(trials))

    def ladder(self, trials: TrialIds = None) -> "pd.DataFrame":
        """Read when other stop rules would have been met; `trials` as for `curves`."""
        return reader.read_ladder(self.path, self._identities(trials))

    def gradients(self, trials: TrialIds = None) -> "pd.DataFrame":
        """Read what probes found, by epoch and layer; `trials` as for `curves`."""
        return reader.read_gradients(self.path, self._identities(trials))

    def codes(self, trials: TrialIds = None) -> "pd.DataFrame":
        """Read hidden activations, by layer, sample and unit; `trials` as for `curves`."""
        return reader.read_codes(self.path, self._identities(trials))

    def phases(self, trials: TrialIds = None) -> "pd.DataFrame":
        """Read the phases of trials with pretraining; `trials` as for `curves`."""
        return reader.read_phases(self.path, self._identities(trials))

    def load_model(self, trial_id: str) -> "Autoencoder | nn.Module":
        """Rebuild a trained network as a PyTorch module, as `sweep.load_model` does."""
        from sweep.notebook.models import load_model

        return load_model(self.path, trial_id)

    @property
    def plot(self) -> "Plots":
        """What can be drawn: `curves`, `heatmap`, `importance` and `compare`."""
        from sweep.notebook.plots import Plots

        return Plots(self)

    def _identities(self, trials: TrialIds) -> list[str] | None:
        """Return whole identities of trials given by their beginnings."""
        if trials is None:
            return None
        known = self.trials["trial_id"]
        return [self._identity(known, t) for t in ([trials] if isinstance(trials, str) else trials)]

    def _identity(self, known: "pd.Series[str]", beginning: str) -> str:
        found = known[known.str.startswith(beginning)] if isinstance(beginning, str) else known[:0]
        if len(found) != 1:
            must = f"must hold one trial whose identity begins with {beginning!r}"
            raise StoreError(f"{self.path}: {must} (got {len(found)})")
        return str(found.iloc[0])

    def __len__(self) -> int:
        """Return how many trials there are."""
        return len(self.trials)

    def __repr__(self) -> str:
        from sweep.notebook.summaries import describe

        return f"<Results {self.path}: {describe(self)}>"

    def _repr_html_(self) -> str:
        from sweep.notebook.summaries import results_html

        return results_html(self)
