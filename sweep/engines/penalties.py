"""Penalties on codes: what joins the objective of a batch, and never its loss."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from sweep.components.sparsity import Sparsity
from sweep.engines.state import Lanes
from sweep.plugins.components import component_of
from sweep.trial import Trial

Number = float | Float64[Tensor, " lanes"]
"""Of one trial, or of each of the lanes that train side by side."""


@dataclass(frozen=True)
class CodePenalties:
    """The penalties on codes of a trial or of lanes.

    Attributes:
        code_penalty, contractive_penalty: the parameters of these names.
        sparsity, sparsity_options: the component, if there is one, and its options.
    """

    code_penalty: Number
    contractive_penalty: Number
    sparsity: Sparsity | None
    sparsity_options: Mapping[str, Number]

    @classmethod
    def of_trial(cls, trial: Trial) -> "CodePenalties":
        sparsity = _sparsity_of(trial)
        options = component_of(trial, "sparsity")[1] if sparsity else {}
        return cls(trial.code_penalty, trial.contractive_penalty, sparsity, options)

    @classmethod
    def of_lanes(cls, lanes: Lanes, device: torch.device) -> "CodePenalties":
        sparsity = _sparsity_of(lanes.shape)
        options = lanes.options("sparsity") if sparsity else {}
        code, contractive = (
            torch.from_numpy(lanes.numbers(name)).to(device)
            for name in ("code_penalty", "contractive_penalty")
        )
        found = {name: torch.from_numpy(array).to(device) for name, array in options.items()}
        return cls(code, contractive, sparsity, found)

    def of(
        self, codes: Float[Tensor, "... samples bottleneck"], jacobian: Tensor | None
    ) -> Float64[Tensor, "..."]:
        """Return what codes add to the objective, a number for each leading index.

        Args:
            codes: of a batch, as the network passes them on.
            jacobian: what `contracts` asks for, `squared_jacobian` of them; else None.
        """
        found = code_penalty(codes, self.code_penalty)
        if self.sparsity:
            found = found + sparsity_penalty(codes, self.sparsity, self.sparsity_options)
        return found if jacobian is None else found + self.contractive_penalty * jacobian


def penalises(trial: Trial) -> bool:
    """Return whether a trial, and so every other of its pack key, has a penalty on codes."""
    return bool(trial.code_penalty) or contracts(trial) or _sparsity_of(trial) is not None


def contracts(trial: Trial) -> bool:
    """Return whether a trial, and so every other of its pack key, has a contractive penalty.

    A part of a network in pretraining may have no hidden layer, and so no code.
    """
    return bool(trial.contractive_penalty) and len(trial.topology) > 2


def _sparsity_of(trial: Trial) -> Sparsity | None:
    if trial.sparsity == "none" or len(trial.topology) == 2:
        return None
    found: Sparsity = component_of(trial, "sparsity")[0]
    return found


def code_penalty(
    codes: Float[Tensor, "... samples bottleneck"], weight: Number
) -> Float64[Tensor, "..."]:
    """Return `weight` times the mean over samples of the summed magnitudes of a sample's code."""
    return weight * codes.abs().sum(dim=(-2, -1), dtype=torch.float64) / codes.shape[-2]


def sparsity_penalty(
    codes: Float[Tensor, "... samples bottleneck"],
    sparsity: Sparsity,
    options: Mapping[str, Number],
) -> Float64[Tensor, "..."]:
    """Return the option `weight` times the sum over units of how far each is off its target."""
    means = codes.mean(dim=-2, dtype=torch.float64)
    given = {n: o[:, None] if isinstance(o, Tensor) else o for n, o in options.items()}
    return options["weight"] * sparsity.torch(means, given).sum(dim=-1)


def squared_jacobian(
    codes: Float[Tensor, "samples bottleneck"], inputs: Float[Tensor, "samples features"]
) -> Float64[Tensor, ""]:
    """Return the mean over samples of the squared Frobenius norm of d code / d input.

    Rifai et al. 2011, "Contractive auto-encoders"; unit by unit, by autograd, which `codes` must
    have come from `inputs` with. No sample's code may depend on another sample.
    """
    total = torch.zeros((), dtype=torch.float64)
    for unit in codes.unbind(dim=-1):
        (slopes,) = torch.autograd.grad(unit.sum(), inputs, create_graph=True)
        total = total + slopes.square().sum(dtype=torch.float64)
    return total / len(inputs)
