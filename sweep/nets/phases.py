"""What pretraining trains before the whole network: parts of it, phase by phase."""

from dataclasses import dataclass, replace
from typing import Any

from sweep.components.registry import STOP_RULES
from sweep.nets.topology import layers_of
from sweep.plugins.components import component_of
from sweep.trial import PARAMETERS, STOP_PARAMETERS, Trial

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
            **{STOP_RULE.columns[o]: getattr(trial, f"pretraining_{o}") for o in STOP_RULE.numbers},
            "max_epochs": trial.pretraining_max_epochs,
        }
        own = replace(trial, **changes)
        if self.layers[-1] == len(trial.topology) - 2:
            return own
        options = [name for name in PARAMETERS if name.startswith("activation_")]
        outputs: dict[str, Any] = {
            f"output_{name}": getattr(trial, name) for name in ("activation", *options)
        }
        loss: dict[str, Any] = dict.fromkeys(("loss_semantics", "loss_options"))
        return replace(own, **outputs, **loss, loss="mean_squared_error")


_NOT_IN_PHASES = (
    *STOP_PARAMETERS,
    "pretraining_layers",
    "pretraining_max_epochs",
    "pretraining_min_delta",
    "pretraining_patience",
)


def phases_of(trial: Trial) -> tuple[Phase, ...]:
    """Return the phases before the whole network is trained, in order; none without pretraining."""
    if trial.pretraining == "none":
        return ()
    component, options = component_of(trial, "pretraining")
    parts = component.parts(len(trial.topology) - 1, layers=options.get("layers", 1))
    return tuple(Phase(part.layers, part.below) for part in parts)
