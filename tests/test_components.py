"""Claims: every component, with every option that chooses what runs, is the same in all engines."""

from collections.abc import Iterator
from typing import Any

import pytest

from sweep.components.registry import FAMILIES
from sweep.engines.contract import Engine
from sweep.engines.fused.engine import FusedEngine
from sweep.engines.reference.engine import ReferenceEngine
from sweep.engines.torch.engine import TorchEngine
from sweep.planning.engines import fused_supports
from tests.test_engines_agree import differences, pack_beside
from tests.trials import columns_of, make_trial, one_hot, sample

EPOCHS = (1, 6)
"""Epochs after which a step is compared."""


def cases() -> Iterator[Any]:
    """Yield the columns of each component: as it is, and with each option that chooses code."""
    for family, components in FAMILIES.items():
        for name, component in components.items():
            if family == "pretraining":  # its phases are trials of their own
                continue
            if family == "activation" and not getattr(component, "hidden", True):
                continue
            for given in settings_of(component):
                if not list(getattr(component, "faults", lambda _: ())(given)):
                    told = {o: v for o, v in given.items() if v != sample(component.options[o])}
                    marks = "-".join(f"{option}={value}" for option, value in told.items())
                    yield pytest.param(columns_of(family, name, **given), id=f"{name}{marks}")


def settings_of(component: Any) -> Iterator[dict[str, Any]]:
    plain = {option: sample(spec) for option, spec in component.options.items()}
    yield plain
    for option, spec in component.options.items():
        values = [not plain[option]] if spec.kind is bool else [*spec.choices]
        if spec.presence:
            values.append(0.5)
        yield from (plain | {option: value} for value in values if value != plain[option])


@pytest.mark.slow
@pytest.mark.parametrize("columns", list(cases()))
def test_a_step_of_every_engine_is_the_references(columns: dict[str, Any]) -> None:
    plain = {"loss": "mean_squared_error", "loss_semantics": None, "learning_rate": 0.02}
    trial = make_trial(topology=(4, 4, 4), seed=3, **plain | columns)
    data = one_hot(4)
    engines: list[Engine] = [TorchEngine(trial, data)]
    if fused_supports(trial):
        engines.append(FusedEngine(trial, data))
    reference, lanes = ReferenceEngine(trial, data), pack_beside(trial)
    state = reference.begin(lanes)
    for epochs in EPOCHS:
        expected = state.copy()
        reference.advance(lanes, expected, 1)
        for engine in engines:
            found = state.copy()
            engine.advance(lanes, found, 1)
            assert max(differences(found, expected).values()) < 1e-11
        reference.advance(lanes, state, epochs)
