"""Makes a user's own networks, and finds out what planning and training must know of them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

from sweep.plugins.components import component_in
from sweep.plugins.sources import PluginError
from sweep.trial import Trial

if TYPE_CHECKING:
    from torch import Tensor, nn

SAMPLES = 3
"""Samples that a network is tried on before it is trained."""
SEED = 1
METHODS = ("encode", "decode")


@dataclass(frozen=True, kw_only=True)
class Named:
    """A parameter or buffer of a module; of a parameter, whether codes depend on it."""

    name: str
    shape: tuple[int, ...]
    encodes: bool = False


@dataclass(frozen=True, kw_only=True)
class NetworkFacts:
    """The arrays of a user's network and the shapes of what it gives.

    Attributes:
        code_shape: of the code of one sample.
        parameters, buffers: in PyTorch's order, each once.
        activations: numbers that its modules give for one sample, together.
        takes_one: whether it can be trained on a batch of one sample.
    """

    code_shape: tuple[int, ...]
    parameters: tuple[Named, ...]
    buffers: tuple[Named, ...]
    activations: int
    takes_one: bool

    @property
    def code_width(self) -> int:
        return prod(self.code_shape)

    @property
    def n_numbers(self) -> int:
        """Numbers in its parameters and buffers."""
        return sum(prod(array.shape) for array in (*self.parameters, *self.buffers))


def facts_of(trial: Trial) -> NetworkFacts:
    """Return the facts about the network of a trial that has one of the user's own.

    Raises:
        PluginError: as `find_facts`.
    """
    features, outputs = trial.topology[0], trial.topology[-1]
    return find_facts(
        str(trial.network),
        trial.network_options,
        features=features,
        outputs=outputs,
        dtype=trial.dtype,
    )


def make_module(trial: Trial, seed: int) -> "nn.Module":
    """Return the module of a trial as it begins, in the trial's dtype, on the CPU.

    PyTorch's generator is seeded while it is made, and is as before afterwards. Weights are drawn
    in float32 for either dtype.
    """
    return _made(
        str(trial.network),
        trial.network_options,
        features=trial.topology[0],
        outputs=trial.topology[-1],
        dtype=trial.dtype,
        seed=seed,
    )


@contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """Within the block seed the generator of PyTorch that a device draws from."""
    import torch

    gpus = [torch.cuda.current_device()] if device != "cpu" else []
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(seed)
        if gpus:
            torch.cuda.manual_seed(seed)
        yield


@lru_cache(maxsize=1024)
def find_facts(
    network: str, options: str | None, *, features: int, outputs: int, dtype: str
) -> NetworkFacts:
    """Make a user's network and try it on a few samples.

    Args:
        network: as a trial's column has it.
        options: likewise.
        features: width of the samples.
        outputs: width of the targets.
        dtype: float32 or float64.

    Raises:
        PluginError: it cannot be made, or cannot be trained as the lane of a pack.
    """
    place = network.partition("@")[0]
    try:
        first, second = (
            _made(network, options, features=features, outputs=outputs, dtype=dtype, seed=SEED)
            for _ in range(2)
        )
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(f"{place}: must make a network (it raised {_line(error)})") from error
    if fault := _fault_of(first) or _fault_of_start(first, second):
        raise PluginError(f"{place}: must {fault}")
    try:
        return _facts(first, features=features, outputs=outputs)
    except _UnfitError as unfit:
        raise PluginError(f"{place}: must {unfit}") from None
    except Exception as error:
        raise PluginError(
            f"{place}: must encode and decode samples of shape {(SAMPLES, features)}, "
            f"dtype {dtype} (it raised {_line(error)})"
        ) from error


class _UnfitError(Exception):
    """A network does not do what it must; the message completes "must …"."""


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _made(
    network: str, options: str | None, *, features: int, outputs: int, dtype: str, seed: int
) -> "nn.Module":
    import torch
    from torch import nn

    columns = {"network": network, "network_options": options}
    component, given = component_in(columns, "network")
    with seeded(seed):
        module = component.build(given, features=features, outputs=outputs)
    if not isinstance(module, nn.Module) or not all(hasattr(module, name) for name in METHODS):
        place, got = network.partition("@")[0], type(module).__name__
        raise PluginError(
            f"{place}: must make a torch.nn.Module with the methods encode and decode (got {got})"
        )
    return module.to(getattr(torch, dtype))


def _fault_of(module: "nn.Module") -> str | None:
    """Return what the arrays of a module must do, completing "must …"."""
    from torch.nn.parameter import is_lazy

    parameters = dict(module.named_parameters())
    if not parameters:
        return "have parameters to train"
    for name, array in chain(parameters.items(), module.named_buffers()):
        if is_lazy(array):
            return f"have no lazy layers (got {name}, whose shape is not known)"
        if array.is_complex() or array.device.type != "cpu":
            return f"have real arrays on the CPU (got {name}, {array.dtype} on {array.device})"
    for name, array in parameters.items():
        if not array.requires_grad or not array.is_floating_point():
            return f"train every parameter; what stays is a buffer (got {name}, which is fixed)"
    return None


def _fault_of_start(first: "nn.Module", second: "nn.Module") -> str | None:
    """Return what two modules made with one seed must do."""
    if _equal(_arrays(first), _arrays(second)):
        return None
    return (
        "draw its initial weights from PyTorch's generator alone (made twice with one seed, it "
        "began at two)"
    )


def _facts(module: "nn.Module", *, features: int, outputs: int) -> NetworkFacts:
    import torch

    parameter = next(module.parameters())
    samples = torch.linspace(0, 1, SAMPLES * features).view(SAMPLES, features).to(parameter)
    parameters = dict(module.named_parameters())
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}
    sizes: list[int] = []
    with _counting(module, sizes):
        code, found = _run(module, samples)
    _check_shapes(code, found, features=features, outputs=outputs)
    used = [None] * len(parameters)
    if code.requires_grad:
        used = torch.autograd.grad(  # type: ignore[assignment]
            code.sum(), list(parameters.values()), retain_graph=True, allow_unused=True
        )
    trained = torch.autograd.grad(found.sum(), list(parameters.values()), allow_unused=True)
    if all(gradient is None for gradient in trained):
        raise _UnfitError("have outputs that its parameters change (got no gradient)")
    _check_repeats(module, samples, buffers, [code, found])
    _check_evaluation(module.eval(), samples)
    return NetworkFacts(
        code_shape=tuple(code.shape[1:]),
        parameters=tuple(
            Named(name=name, shape=tuple(array.shape), encodes=gradient is not None)
            for (name, array), gradient in zip(parameters.items(), used, strict=True)
        ),
        buffers=tuple(Named(name=name, shape=tuple(b.shape)) for name, b in buffers.items()),
        activations=max(1, sum(sizes) // SAMPLES),
        takes_one=_takes_one(module.train(), samples[:1]),
    )


def _check_shapes(code: Any, found: Any, *, features: int, outputs: int) -> None:
    import torch

    for name, value in (("encode", code), ("decode", found)):
        if not isinstance(value, torch.Tensor) or not value.is_floating_point():
            got = getattr(value, "dtype", type(value).__name__)
            raise _UnfitError(f"return a tensor of floats from {name} (got {got})")
    if code.dim() < 1 or len(code) != SAMPLES:
        raise _UnfitError(
            f"encode (samples, features) = {(SAMPLES, features)} to a code for each sample "
            f"(got shape {tuple(code.shape)})"
        )
    if tuple(found.shape) != (SAMPLES, outputs):
        raise _UnfitError(
            f"decode codes to outputs of shape (samples, outputs) = {(SAMPLES, outputs)} "
            f"(got {tuple(found.shape)})"
        )


def _check_repeats(
    module: "nn.Module",
    samples: "Tensor",
    buffers: Mapping[str, "Tensor"],
    before: Sequence["Tensor"],
) -> None:
    """Raise where a second pass from the same buffers and seed gives something else."""
    import torch

    after = [buffer.clone() for buffer in module.buffers()]
    with torch.no_grad():
        for buffer, first in zip(module.buffers(), buffers.values(), strict=True):
            buffer.copy_(first)
    again = [*_run(module, samples), *module.buffers()]
    if not _equal([*before, *after], again):
        raise _UnfitError(
            "keep what changes in buffers, and draw from PyTorch's generator alone (two passes "
            "from the same buffers and seed differ)"
        )


def _check_evaluation(module: "nn.Module", samples: "Tensor") -> None:
    if not _equal(_run(module, samples, SEED), _run(module, samples, SEED + 1)):
        raise _UnfitError("draw nothing in evaluation mode (two seeds gave two outputs)")


def _run(module: "nn.Module", samples: "Tensor", seed: int = SEED) -> tuple[Any, Any]:
    with seeded(seed):
        code = module.encode(samples)  # type: ignore[operator]
        return code, module.decode(code)  # type: ignore[operator]


def _takes_one(module: "nn.Module", sample: "Tensor") -> bool:
    try:
        _run(module, sample)
    except Exception:  # batch normalisation raises: one sample has no variance
        return False
    return True


@contextmanager
def _counting(module: "nn.Module", sizes: list[int]) -> Iterator[None]:
    """Within the block note how many numbers the innermost modules give."""
    import torch

    def note(_: Any, __: Any, given: Any) -> None:
        if isinstance(given, torch.Tensor):
            sizes.append(given.numel())

    inner = [part for part in module.modules() if not list(part.children())]
    handles = [part.register_forward_hook(note) for part in inner]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _arrays(module: "nn.Module") -> list["Tensor"]:
    return [*module.parameters(), *module.buffers()]


def _equal(first: Sequence["Tensor"], second: Sequence["Tensor"]) -> bool:
    import torch

    pairs = list(zip(first, second, strict=False))
    return len(first) == len(second) and all(
        a.shape == b.shape and torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in pairs
    )
