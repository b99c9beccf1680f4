"""What `sweep.run` returns: what a run did, and its results."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sweep.running.options import RunSummary
from sweep.store.places.layout import ResultsDir

if TYPE_CHECKING:
    from sweep.notebook.results import Results


@dataclass(frozen=True, kw_only=True)
class Run(RunSummary):
    """What a run did, as `RunSummary` says, with its results; a notebook shows both."""

    @classmethod
    def of(cls, summary: RunSummary) -> Self:
        """Return the same with its results."""
        return cls(**vars(summary))

    @property
    def results(self) -> "Results":
        """All results of the sweep, those of earlier runs included."""
        from sweep.notebook.results import Results

        return Results(self.output)

    def _repr_html_(self) -> str:
        from sweep.notebook.summaries import run_html

        there = ResultsDir(self.output).exists
        return run_html(self, describe_run(self), self.results if there else None)


def describe_run(summary: RunSummary) -> list[str]:
    """Say in words what a run did, and how to go on."""
    trained = summary.trained - summary.cancelled
    counts = {
        "there already": summary.skipped,
        "known without training": summary.derived,
        "diverged": summary.diverged,
        "failed": summary.failed,
        "cancelled": summary.cancelled,
        "pruned": summary.pruned,
    }
    told = [f"Trained {trained:,} trials in {summary.seconds:.0f} s"] if summary.trained else []
    told = told or ["Nothing to train"]
    told += [f"{count:,} {what}" for what, count in counts.items() if count]
    lines = [", ".join(told) + "."]
    if summary.missing:
        why = "Interrupted" if summary.interrupted else "Stopped"
        lines.append(f"{why} with {summary.missing:,} to go: the same call goes on.")
    return lines
