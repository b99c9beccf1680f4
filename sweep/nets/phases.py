"""What pretraining trains before the whole network: parts of it, phase by phase. Knows no weights.

greedy: Bengio et al. 2007, "Greedy layer-wise training of deep networks", with each layer of the
encoder and its mirror image of the decoder as a shallow autoencoder of the codes of those before.
grow: the outermost pair of layers first, then with the next pair within, and so on.
chain: links of whole layers, each an autoencoder of what the links before it give.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sweep.components.registry import STOP_RULES
from sweep.nets.topology import layers_of
from sweep.trial import STOP_PARAMETERS, Trial

STOP_RULE = STOP_RULES["early_stopping"]
"""What ends a phase: the options of pretraining that have the names of its own."""


@dataclass(frozen=True)
class Phase:
    """A part of a network that is trained on its own.

    Attributes:
        layers: its layers by index in the whole network, from the input on.
        below: how many of the network's first layers make its inputs out of the data.
    """

    layers: tuple[int, ...]
    below: int

    def topology_in(self, whole: tuple[int, ...]) -> tuple[int, ...]:
        """Return its widths in a network of the widths `whole`."""
        layers = layers_of(whole)
        return (layers[self.layers[0]].fan_in, *(layers[i].fan_out for i in self.layers))

    def trial_of(self, trial: Trial) -> Trial:
        """Return the part as a trial of its own, with the stop rule of pretraining.

        Its output activation is that of its last layer in the whole network. Its loss is the
        trial's where that is the output layer, else mean squared error: codes may leave [0, 1].
        """
        changes: dict[str, Any] = dict.fromkeys(_NOT_IN_PHASES) | {
            "topology": self.topology_in(trial.topology),
            "pretraining": "none",
            **{c: getattr(trial, f"pretraining_{o}") for o, c in STOP_RULE.columns.items()},
            "max_epochs": trial.pretraining_max_epochs,
        }
        own = replace(trial, **changes)
        if self.layers[-1] == len(trial.topology) - 2:
            return own
        return replace(
            own,
            output_activation=trial.activation,
            output_activation_slope=trial.activation_slope,
            output_activation_alpha=trial.activation_alpha,
            loss="mean_squared_error",
            loss_semantics=None,
        )


_NOT_IN_PHASES = (
    *STOP_PARAMETERS,
    "pretraining_layers",
    "pretraining_max_epochs",
    "pretraining_min_delta",
    "pretraining_patience",
)


def phases_of(trial: Trial) -> tuple[Phase, ...]:
    """Return the phases before the whole network is trained, in order; none without pretraining."""
    return _phases(trial.pretraining, len(trial.topology) - 1, trial.pretraining_layers or 1)


@cache
def _phases(kind: str, depth: int, link: int) -> tuple[Phase, ...]:
    half = range(depth // 2)
    match kind:
        case "greedy":
            return tuple(Phase((k, depth - 1 - k), below=k) for k in half)
        case "grow":
            ends = [range(k + 1) for k in half[:-1]]
            return tuple(Phase((*e, *(depth - 1 - i for i in reversed(e))), below=0) for e in ends)
        case "chain":
            starts = range(0, depth, link)
            return tuple(Phase(tuple(range(k, k + link)), below=k) for k in starts)
        case _:
            return ()
