"""Claims: losses are PyTorch's and Keras's, in value and in gradient."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sweep.components.losses import Variant
from sweep.components.registry import LOSSES
from sweep.nets.losses import Loss
from sweep.nets.losses import loss_of as loss_of_component

LOGITS = torch.tensor([[0.3, -1.2, 2.0], [0.0, 4.0, -3.0]], dtype=torch.float64)
TAIL = 1.9287498479639178e-22  # log(1 + e^-50)
TARGETS = torch.tensor([[0.0, 0.0, 1.0], [0.2, 0.8, 0.0]], dtype=torch.float64)


def loss_of(
    name: str, semantics: str | None, *, output_activation: str, reduction: str = "mean"
) -> Loss:
    variant = Variant(semantics=semantics, softmax=output_activation == "softmax")
    return loss_of_component(LOSSES[name], variant, reduction=reduction)


def value_and_gradient(
    name: str,
    semantics: str | None,
    output: str,
    logits: torch.Tensor = LOGITS,
    *,
    reduction: str = "mean",
) -> tuple[float, torch.Tensor]:
    logits = logits.clone().requires_grad_()
    outputs = {
        "sigmoid": torch.sigmoid,
        "identity": lambda x: x,
        "softmax": lambda x: x.softmax(-1),
    }
    loss = loss_of(name, semantics, output_activation=output, reduction=reduction)(
        logits, outputs[output](logits), TARGETS
    )
    (gradient,) = torch.autograd.grad(loss, logits)
    return loss.item(), gradient


def check(got: tuple[float, torch.Tensor], wanted: torch.Tensor, logits: torch.Tensor) -> None:
    (gradient,) = torch.autograd.grad(wanted, logits)
    assert got[0] == pytest.approx(wanted.item(), rel=1e-14)
    torch.testing.assert_close(got[1], gradient, rtol=1e-12, atol=1e-15)


def test_mean_squared_error_is_torchs() -> None:
    logits = LOGITS.clone().requires_grad_()
    wanted = F.mse_loss(torch.sigmoid(logits), TARGETS)
    check(value_and_gradient("mean_squared_error", None, "sigmoid"), wanted, logits)


def test_binary_cross_entropy_is_torchs() -> None:
    logits = LOGITS.clone().requires_grad_()
    wanted = F.binary_cross_entropy(torch.sigmoid(logits), TARGETS)
    check(value_and_gradient("binary_cross_entropy", "torch", "sigmoid"), wanted, logits)


def test_binary_cross_entropy_of_logits_is_torchs() -> None:
    logits = LOGITS.clone().requires_grad_()
    wanted = F.binary_cross_entropy_with_logits(logits, TARGETS)
    check(value_and_gradient("binary_cross_entropy", "logits", "sigmoid"), wanted, logits)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_binary_cross_entropy_of_logits_is_right_where_outputs_saturate(dtype: torch.dtype) -> None:
    loss = loss_of("binary_cross_entropy", "logits", output_activation="sigmoid")
    cases = [(50.0, 0.0, 50.0), (-50.0, 1.0, 50.0), (-50.0, 0.0, TAIL), (50.0, 1.0, TAIL)]
    for logit, target, wanted in cases:
        logits = torch.tensor([[logit]], dtype=dtype, requires_grad=True)
        found = loss(logits, torch.sigmoid(logits), torch.tensor([[target]], dtype=dtype))
        (gradient,) = torch.autograd.grad(found, logits)
        assert found.item() == pytest.approx(wanted, rel=1e-6)
        assert gradient.item() == pytest.approx(1 / (1 + np.exp(-logit)) - target, abs=1e-12)


def test_categorical_cross_entropy_of_softmax_is_torchs() -> None:
    logits = LOGITS.clone().requires_grad_()
    wanted = F.cross_entropy(logits, TARGETS)
    check(value_and_gradient("categorical_cross_entropy", "torch", "softmax"), wanted, logits)


@pytest.mark.parametrize(
    ("name", "semantics", "output", "theirs"),
    [
        ("mean_squared_error", None, "identity", F.mse_loss),
        ("binary_cross_entropy", "logits", "sigmoid", F.binary_cross_entropy_with_logits),
        ("categorical_cross_entropy", "torch", "softmax", F.cross_entropy),
    ],
)
def test_a_sum_is_torchs_sum(
    name: str, semantics: str | None, output: str, theirs: Callable[..., torch.Tensor]
) -> None:
    logits = LOGITS.clone().requires_grad_()
    wanted = theirs(logits, TARGETS, reduction="sum")
    check(value_and_gradient(name, semantics, output, reduction="sum"), wanted, logits)


def test_keras_binary_cross_entropy_costs_a_wrong_zero_16_nats() -> None:
    outputs = torch.zeros(1, 16, dtype=torch.float64)
    targets = torch.eye(16, dtype=torch.float64)[:1]
    loss = loss_of("binary_cross_entropy", "keras", output_activation="relu")(
        outputs, outputs, targets
    )
    assert loss.item() == pytest.approx((-np.log(1e-7) - 15 * np.log(1 - 1e-7)) / 16)


def test_keras_gives_no_gradient_where_it_clips() -> None:
    saturated = torch.tensor([[40.0, -40.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    gradient = value_and_gradient("binary_cross_entropy", "keras", "sigmoid", saturated)[1]
    assert gradient[0, 0] == gradient[0, 1] == 0.0
    assert gradient[0, 2] != 0.0


def test_categorical_cross_entropy_divides_outputs_by_their_sum() -> None:
    outputs = torch.tensor([[1.0, 1.0, 2.0], [1.0, 2.0, 1.0]], dtype=torch.float64)
    loss, _ = value_and_gradient("categorical_cross_entropy", "keras", "identity", outputs)
    row = -(0.2 * np.log(0.25) + 0.8 * np.log(0.5))
    assert loss == pytest.approx((-np.log(0.5) + row) / 2, rel=1e-12)


def test_torch_binary_cross_entropy_survives_nan() -> None:
    outputs = torch.full((1, 3), torch.nan, dtype=torch.float64)
    loss = loss_of("binary_cross_entropy", "torch", output_activation="sigmoid")
    assert torch.isnan(loss(outputs, outputs, TARGETS[:1]))


def test_float32_terms_are_summed_in_float64() -> None:
    outputs = torch.full((1, 1000, 1000), 0.1, dtype=torch.float32)
    loss = loss_of("mean_squared_error", None, output_activation="identity")
    got = loss(outputs, outputs, torch.zeros_like(outputs)).item()
    term = float(np.float32(0.1) * np.float32(0.1))
    assert got == pytest.approx(term, rel=1e-12)


def test_an_output_of_zero_costs_100_nats_and_has_no_gradient_of_its_own() -> None:
    outputs = torch.tensor([[0.0, 2.0], [1.0, 1.0]], dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([[0.5, 0.5], [0.5, 0.5]], dtype=torch.float64)
    loss_function = loss_of("categorical_cross_entropy", "torch", output_activation="relu")
    loss = loss_function(outputs, outputs, targets)
    (gradient,) = torch.autograd.grad(loss, outputs)
    assert loss.item() == pytest.approx((50.0 + np.log(2.0)) / 2)
    # 0.125 is what it adds to the sum that its neighbour is divided by: 0.5 / 2, over 2 samples.
    assert gradient.tolist() == [[0.125, 0.0], [0.0, 0.0]]
