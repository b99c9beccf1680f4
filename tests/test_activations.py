"""Claims: an activation and its derivative in the kernel are PyTorch's on every piece."""

from collections.abc import Mapping
from ctypes import CFUNCTYPE, c_int64, c_void_p
from typing import Any

import numpy as np
import pytest
import torch

from sweep.components.activations import Activation
from sweep.components.registry import ACTIVATIONS
from sweep.engines.fused import forms
from sweep.kernel.vectors import vector_width
from tests.trials import sample

GRID = np.arange(-128, 128) / 16
"""Steps of 1/16 from -8 on: corners at whole numbers and halves are on it, and both their sides."""
IN_KERNEL = [n for n, item in ACTIVATIONS.items() if item.elementwise and item.kernel()]
CALL = CFUNCTYPE(None, c_void_p, c_void_p, c_int64, c_int64, c_void_p, c_void_p)


def options_of(activation: Activation) -> Mapping[str, Any]:
    return {name: sample(option) for name, option in activation.options.items()}


def in_kernel(activation: Activation, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    width = vector_width(x.dtype)
    slopes, values = x.copy(), np.empty_like(x)
    options = np.repeat(np.array([*options_of(activation).values(), 0.0], x.dtype), width)
    flat_spot = np.zeros(width, x.dtype)
    apply = CALL(forms.activation_form(activation, str(x.dtype)))
    pointers = [array.ctypes.data for array in (slopes, values, options, flat_spot)]
    apply(pointers[0], pointers[1], len(x) // width, 1, pointers[2], pointers[3])
    return values, slopes


def in_torch(activation: Activation, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = torch.tensor(x, requires_grad=True)
    activated = activation.torch(values, options_of(activation))
    activated.sum().backward()
    assert values.grad is not None
    return activated.detach().numpy(), values.grad.numpy()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", IN_KERNEL)
def test_the_kernel_is_pytorch_on_every_piece(name: str, dtype: str) -> None:
    x, tolerance = GRID.astype(dtype), 8 * float(np.finfo(dtype).eps)
    mine, theirs = in_kernel(ACTIVATIONS[name], x), in_torch(ACTIVATIONS[name], x)
    for got, wanted in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_no_output_is_beyond_the_bounds(name: str) -> None:
    activation = ACTIVATIONS[name]
    low, high = activation.bounds(options_of(activation))
    outputs, _ = in_torch(activation, GRID)
    assert low - 1e-8 <= outputs.min()
    assert outputs.max() <= high
