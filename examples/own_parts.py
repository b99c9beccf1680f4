"""Components of one's own, declared as sweep's are: examples/own_components.yaml uses them.

Each has a form for PyTorch and one for the compiled kernel; without the latter the torch engine
trains what uses it. docs/plugins.md explains them.
"""

import numpy as np

from sweep.components.activations import Activation
from sweep.components.by_update import ByUpdate
from sweep.components.initialisers import Initialiser
from sweep.components.losses import Kernel as LossKernel
from sweep.components.losses import Loss, Sees
from sweep.components.optimizers import Kernel, Optimizer
from sweep.components.spec import positive, share


class Swish(Activation):
    """x * sigmoid(beta x): Ramachandran et al. 2017, with the sharpness held."""

    beta = positive("sharpness", default=1.0)

    def torch(self, x, options):
        import torch

        return x * torch.sigmoid(options["beta"] * x)

    def kernel(self):
        from sweep.kernel import fma, sigmoid

        def swish(x, options):
            (beta,) = options
            s = sigmoid(beta * x)
            return x * s, s * fma(beta * x, 1.0 - s, 1.0)

        return swish


class QuasiHyperbolic(Optimizer):
    """Mixes the gradient with its running mean: Ma and Yarats 2018, "QHM"."""

    beta = share("decay of the mean gradient", default=0.999)
    nu = share("how much of the step is the mean's", default=0.7)

    def slots(self, flags):
        return ("mean",)

    def torch(self, s):
        mean, beta, nu = s.slots["mean"], s.hyper["beta"], s.hyper["nu"]
        mean.mul_(beta).add_((1 - beta) * s.gradient)
        s.parameters.sub_(s.learning_rate * ((1 - nu) * s.gradient + nu * mean))

    def reference(self, groups, *, lr, options):
        return ByUpdate(groups, _quasi_hyperbolic, lr=lr, **options)

    def kernel(self, flags):
        from sweep.kernel import fma

        def prepare(rate, count, options, scalars):
            beta, nu = options
            return (rate * (1.0 - nu), rate * nu, beta, 1.0 - beta), scalars

        def update(p, g, slots, values):
            of_gradient, of_mean, beta, rest = values
            mean = fma(beta, slots[0], rest * g)
            return p - fma(of_gradient, g, of_mean * mean), (mean,)

        return Kernel(("beta", "nu"), 4, prepare, update)


def _quasi_hyperbolic(p, gradient, state, group):
    mean = state["mean"]
    mean.mul_(group["beta"]).add_((1 - group["beta"]) * gradient)
    p -= group["lr"] * ((1 - group["nu"]) * gradient + group["nu"] * mean)


class Signs(Initialiser):
    """Weights of one magnitude and of either sign."""

    size = positive("the magnitude")

    def weights(self, draw, *, fan_in, fan_out, options):
        return options["size"] * draw.generator().choice([-1.0, 1.0], size=draw.shape)


class LogCosh(Loss):
    """log(cosh(a d)) / a of each difference d: squares near 0, and magnitudes far from it."""

    sharpness = positive("a: how soon squares become magnitudes", default=1.0)

    def torch(self, logits, outputs, targets, variant):
        import torch

        a = variant.options["sharpness"]
        size = (a * (outputs - targets)).abs()
        return (size + torch.log1p(torch.exp(-2 * size)) - LOG_2) / a

    def kernel(self, variant):
        from sweep.kernel import exp, log1p, magnitude, tanh

        a = float(variant.options["sharpness"])

        def log_cosh(p, t):
            d = (p - t) * a
            size = magnitude(d)
            return (size + log1p(exp(size * -2.0)) - LOG_2) * (1.0 / a), tanh(d)

        return LossKernel(Sees.OUTPUT, log_cosh)


LOG_2 = 0.6931471805599453


def rings(samples):
    """A data set: points of a circle, and of one that is gone round twice as fast."""
    angle = np.linspace(0, 2 * np.pi, samples, endpoint=False)
    return np.stack([f(k * angle) for k in (1, 2) for f in (np.cos, np.sin)], axis=1)
