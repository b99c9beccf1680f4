"""The trials that the gate is recorded with, as plain values: fields of a trial, by what they show.

Nothing here is read by a check: what was recorded carries its own fields.
"""

from itertools import product
from random import Random
from typing import Any

Fields = dict[str, Any]

HIDDEN = (
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "identity",
)
OPTIMIZERS: dict[str, dict[str, tuple[Any, ...]]] = {
    "sgd": {
        "momentum": (0.0, 0.5, 0.9),
        "dampening": (0.0, 0.1),
        "nesterov": (False, True),
        "decay": (0.0, 1e-3),
    },
    "rmsprop": {
        "rho": (0.9, 0.99),
        "momentum": (0.0, 0.5),
        "centered": (False, True),
        "epsilon": (1e-8, 1e-7),
        "epsilon_inside": (False, True),
        "decay": (0.0, 1e-3),
    },
    "adagrad": {
        "initial_accumulator": (0.0, 0.1),
        "epsilon": (1e-10, 1e-7),
        "epsilon_inside": (False, True),
        "decay": (0.0, 1e-3),
    },
    "adadelta": {"rho": (0.9, 0.95), "epsilon": (1e-6, 1e-8), "decay": (0.0, 1e-3)},
    "adam": {
        "beta1": (0.9, 0.8),
        "beta2": (0.999, 0.99),
        "epsilon": (1e-8, 1e-7),
        "amsgrad": (False, True),
        "epsilon_hat": (False, True),
        "decay": (0.0, 1e-3),
    },
    "nadam": {
        "beta1": (0.9, 0.8),
        "beta2": (0.999, 0.99),
        "epsilon": (1e-8, 1e-7),
        "momentum_decay": (0.004, 1.0),
        "decay": (0.0, 1e-3),
    },
    "adamax": {
        "beta1": (0.9, 0.8),
        "beta2": (0.999, 0.99),
        "epsilon": (1e-8, 1e-7),
        "epsilon_hat": (False, True),
        "decay": (0.0, 1e-3),
    },
    "rprop": {
        "eta_minus": (0.5, 0.4),
        "eta_plus": (1.2, 1.3),
        "step_min": (1e-6, 0.0),
        "step_max": (50.0, 1.0),
    },
    "quickprop": {"max_growth": (1.75, 1.5), "decay": (0.0, 1e-3)},
}
OPTIMIZERS["adamw"] = OPTIMIZERS["adam"]
LOSSES = (
    ("mean_squared_error", None),
    ("binary_cross_entropy", "keras"),
    ("binary_cross_entropy", "torch"),
    ("binary_cross_entropy", "logits"),
    ("categorical_cross_entropy", "keras"),
    ("categorical_cross_entropy", "torch"),
)
CONSTANTS: dict[str, tuple[float | None, ...]] = {
    "constant": (0.1, -0.5),
    "uniform": (1.0, 0.3),
    "normal": (0.1, 1e-3),
    "xavier_uniform": (1.0, 0.5773502691896258),
    "xavier_normal": (1.0, 2.0),
    "kaiming_uniform": (1.4142135623730951, 1.0),
    "kaiming_normal": (1.4142135623730951, 0.1),
    "torch_linear": (None,),
    "dl4j_xavier": (None,),
    "identity": (None,),
}
STOPS: tuple[Fields, ...] = (
    {},
    {"delta_tolerance": 1e-7, "delta_patience": 1},
    {"delta_tolerance": 1e-4, "delta_patience": 10},
    {"early_stopping_min_delta": 0.0, "early_stopping_patience": 50},
    {"early_stopping_min_delta": 1e-6, "early_stopping_patience": 5},
    {"target_loss": 0.01},
    {"pattern_margin": 0.4},
    {"fixed_epochs": 500},
    {"max_seconds": 60.0},
    {"delta_tolerance": 1e-6, "delta_patience": 3, "target_loss": 0.001, "max_seconds": 5.5},
)
PRETRAINING: tuple[Fields, ...] = (
    {},
    {},
    {"pretraining": "greedy", "pretraining_max_epochs": 20},
    {
        "pretraining": "grow",
        "pretraining_max_epochs": 30,
        "pretraining_min_delta": 1e-4,
        "pretraining_patience": 5,
    },
    {"pretraining": "chain", "pretraining_layers": 2, "pretraining_max_epochs": 10},
)
SCHEDULES: tuple[Fields, ...] = (
    {},
    {"learning_rate_schedule": "constant"},
    {
        "learning_rate_schedule": "exponential",
        "learning_rate_factor": 0.93,
        "learning_rate_period": 7,
    },
    {"learning_rate_schedule": "step", "learning_rate_factor": 0.5, "learning_rate_period": 10},
    {"learning_rate_schedule": "cosine", "learning_rate_factor": 0.0, "learning_rate_period": 40},
)
FEATURES: tuple[Fields, ...] = (
    {},
    {},
    {
        "normalisation": "batch",
        "normalisation_momentum": 0.1,
        "normalisation_epsilon": 1e-5,
    },
    {"skip": "residual"},
    {"skip": "highway"},
    {"tied_weights": True},
    {"input_noise": "gaussian", "input_noise_scale": 0.2},
    {"input_noise": "masking", "input_noise_rate": 0.3},
    {"code_penalty": 0.1},
    {"code_penalty": 1e-4, "input_noise": "masking", "input_noise_rate": 0.0},
)
BATCHES: tuple[Fields, ...] = (
    {},
    {"batch_size": None, "sample_order": "full_batch"},
    {"batch_size": 2, "sample_order": "fixed"},
    {"batch_size": 3, "sample_order": "shuffled"},
)
CLIPS: tuple[Fields, ...] = (
    {},
    {"gradient_clip": "none"},
    {"gradient_clip": "norm", "gradient_clip_limit": 0.3},
    {"gradient_clip": "value", "gradient_clip_limit": 0.01},
)


def random_trial(random: Random) -> Fields:
    """Return a trial anywhere in the space of parameters."""
    optimizer = random.choice(sorted(OPTIMIZERS))
    loss, semantics = random.choice(LOSSES)
    initialiser = random.choice(sorted(CONSTANTS))
    hidden = random.choice(HIDDEN)
    outputs = "sigmoid" if semantics == "logits" else random.choice((*HIDDEN, "softmax"))
    optional: Fields = {
        "initialiser_jitter": random.choice((0.0, 0.01)),
        "initialiser_draw_biases": random.choice((False, True)),
        "bias_constant": random.choice((0.0, 0.1, -1.0)),
        "biases": random.choice((True, True, False)),
        "loss_reduction": random.choice(("mean", "sum")),
        "flat_spot": random.choice((0.0, 0.1)),
        "weight_decay": random.choice((0.0, 0.01)),
        "decay_biases": random.choice((True, False)),
    }
    kept = {name: value for name, value in optional.items() if random.random() < 0.5}
    options = OPTIMIZERS[optimizer].items()
    return (
        {
            "topology": random.choice(((4, 2, 4), (5, 3, 5), (4, 3, 2, 3, 4), (8, 6, 8, 6, 8))),
            "activation": hidden,
            "output_activation": outputs,
            "initialiser": initialiser,
            "initialiser_constant": random.choice(CONSTANTS[initialiser]),
            "seed": random.choice((0, random.randrange(1000), random.randrange(2**63))),
            "loss": loss,
            "loss_semantics": semantics,
            "optimizer": optimizer,
            "learning_rate": random.choice((0.1, 1.0, 10 ** random.uniform(-5, 1))),
            "dtype": random.choice(("float32", "float64")),
            "max_epochs": random.choice((100, 5000, 10**9)),
        }
        | kept
        | _shape("activation", hidden, random)
        | _shape("output_activation", outputs, random)
        | {f"optimizer_{name}": random.choice(values) for name, values in options}
        | random.choice(SCHEDULES)
        | random.choice(CLIPS)
        | random.choice(FEATURES)
        | random.choice(PRETRAINING)
        | random.choice(BATCHES)
        | random.choice(STOPS)
    )


def _shape(field: str, activation: str, random: Random) -> Fields:
    if activation == "leaky_relu":
        return {f"{field}_slope": random.choice((0.01, 0.2))}
    return {f"{field}_alpha": random.choice((1.0, 0.7))} if activation == "elu" else {}


def random_trials(count: int) -> list[Fields]:
    """Return the same trials whenever it is called."""
    random = Random(20261121)
    return [random_trial(random) for _ in range(count)]


SMALL: Fields = {
    "learning_rate": 0.02,
    "initialiser": "uniform",
    "initialiser_constant": 0.8,
    "max_epochs": 30,
}
DEEP: Fields = {"topology": (4, 3, 2, 3, 4)}
VARIANTS: tuple[tuple[str, Fields], ...] = (
    ("sgd", {"optimizer_momentum": 0.0}),
    ("sgd", {"optimizer_dampening": 0.1}),
    ("sgd", {"optimizer_nesterov": True}),
    ("sgd", {"optimizer_decay": 0.01, "weight_decay": 0.01}),
    ("rmsprop", {"optimizer_momentum": 0.5}),
    ("rmsprop", {"optimizer_centered": True}),
    ("rmsprop", {"optimizer_epsilon_inside": True, "optimizer_epsilon": 1e-7}),
    (
        "rmsprop",
        {
            "optimizer_epsilon_inside": True,
            "optimizer_centered": True,
            "optimizer_momentum": 0.5,
            "optimizer_decay": 0.01,
        },
    ),
    ("adagrad", {"optimizer_initial_accumulator": 0.1}),
    ("adagrad", {"optimizer_epsilon_inside": True, "optimizer_decay": 0.01}),
    ("adadelta", {"optimizer_decay": 0.01, "learning_rate": 1.0}),
    ("adam", {"optimizer_amsgrad": True, "learning_rate": 0.5}),
    ("adam", {"optimizer_epsilon_hat": True, "optimizer_decay": 0.01}),
    ("adam", {"optimizer_amsgrad": True, "optimizer_epsilon_hat": True, "learning_rate": 0.5}),
    ("adam", {"weight_decay": 0.01, "decay_biases": False}),
    ("adamw", {"weight_decay": 0.1}),
    ("adamw", {"weight_decay": 0.1, "decay_biases": False, "optimizer_epsilon": 1e-3}),
    ("adamw", {"weight_decay": 0.1, "optimizer_epsilon_hat": True}),
    ("nadam", {"optimizer_momentum_decay": 1.0, "optimizer_decay": 0.01}),
    ("adamax", {"optimizer_epsilon_hat": True, "optimizer_decay": 0.01}),
    ("rprop", {"optimizer_eta_minus": 0.4, "optimizer_step_max": 0.1}),
    ("quickprop", {"optimizer_decay": 0.01}),
)
UNFUSED: dict[str, Fields] = {
    "batch normalisation": FEATURES[2] | DEEP,
    "residual": {"skip": "residual"} | DEEP,
    "highway": {"skip": "highway"} | DEEP,
    "tied": {"tied_weights": True} | DEEP,
    "gaussian": {"input_noise": "gaussian", "input_noise_scale": 0.2},
    "masking": {"input_noise": "masking", "input_noise_rate": 0.3},
    "code penalty": {"code_penalty": 0.1},
    "fixed batches": {"batch_size": 2, "sample_order": "fixed"},
    "shuffled batches": {"batch_size": 3, "sample_order": "shuffled"},
    "all together": FEATURES[2]
    | DEEP
    | {"skip": "residual", "tied_weights": True, "code_penalty": 0.01}
    | {"input_noise": "gaussian", "input_noise_scale": 0.1}
    | {"batch_size": 3, "sample_order": "shuffled"}
    | {"topology": (6, 5, 3, 5, 6), "optimizer": "sgd", "max_epochs": 10},
}
PRETRAINED: dict[str, Fields] = {
    "greedy": {"pretraining": "greedy", "pretraining_max_epochs": 12} | DEEP,
    "grow": {
        "pretraining": "grow",
        "pretraining_max_epochs": 12,
        "pretraining_min_delta": 1e-3,
        "pretraining_patience": 2,
    }
    | DEEP,
    "chain": {
        "pretraining": "chain",
        "pretraining_layers": 2,
        "pretraining_max_epochs": 12,
        "topology": (4, 3, 4, 2, 4),
    },
    "greedy with noise": {
        "pretraining": "greedy",
        "pretraining_max_epochs": 5,
        "input_noise": "masking",
        "input_noise_rate": 0.3,
    }
    | DEEP,
}
ENDINGS: dict[str, Fields] = {
    "delta": {"delta_tolerance": 3e-3, "delta_patience": 3, "max_epochs": 200},
    "early stopping": {
        "early_stopping_min_delta": 5e-3,
        "early_stopping_patience": 4,
        "max_epochs": 200,
    },
    "target": {"target_loss": 0.45, "max_epochs": 200},
    "pattern": {"pattern_margin": 0.4, "max_epochs": 400},
    "exactly": {"fixed_epochs": 17},
    "at most": {"max_epochs": 23},
}


def trained_cases() -> dict[str, Fields]:
    """Return the trials whose bits are recorded, by name."""
    cases: dict[str, Fields] = {}
    for i, (hidden, dtype) in enumerate(product(HIDDEN, ("float32", "float64"))):
        output = HIDDEN[(i // 2 + 3) % len(HIDDEN)]
        shapes: Fields = {"activation": hidden, "output_activation": output, "dtype": dtype}
        for field, name in (("activation", hidden), ("output_activation", output)):
            shapes |= _shape(field, name, Random(i))
        descent: Fields = {"optimizer": "sgd", "loss": "mean_squared_error", "loss_semantics": None}
        cases[f"{hidden} to {output}, {dtype}"] = shapes | descent
    for i, ((loss, semantics), reduction) in enumerate(product(LOSSES, ("mean", "sum"))):
        for output in ("sigmoid",) if semantics == "logits" else ("sigmoid", "softmax"):
            cases[f"{loss} {semantics} {reduction} of {output}"] = {
                "loss": loss,
                "loss_semantics": semantics,
                "loss_reduction": reduction,
                "output_activation": output,
                "dtype": _dtype(i),
            }
    for i, (loss, semantics) in enumerate(LOSSES[1:]):
        for output in ("sigmoid",) if semantics == "logits" else ("sigmoid", "softmax"):
            cases[f"{loss} {semantics} of saturated {output}"] = {
                "loss": loss,
                "loss_semantics": semantics,
                "output_activation": output,
                "initialiser_constant": 300.0,
                "dtype": _dtype(i),
            }
    for output in ("relu", "identity"):
        cases[f"binary_cross_entropy keras of {output}"] = {
            "output_activation": output,
            "initialiser_constant": 2.0,
        }
    for i, optimizer in enumerate(sorted(OPTIMIZERS)):
        cases[optimizer] = {"optimizer": optimizer, "dtype": _dtype(i)} | _few(optimizer)
    for i, (optimizer, changes) in enumerate(VARIANTS):
        named = ", ".join(f"{name} {value}" for name, value in changes.items())
        options = {"optimizer": optimizer, "dtype": _dtype(i)} | _few(optimizer)
        cases[f"{optimizer} with {named}"] = options | changes
    for i, (initialiser, constants) in enumerate(CONSTANTS.items()):
        cases[f"from {initialiser}"] = {
            "initialiser": initialiser,
            "initialiser_constant": constants[0],
            "initialiser_jitter": 0.01,
            "initialiser_draw_biases": i % 2 == 0
            and initialiser not in ("dl4j_xavier", "identity"),
            "bias_constant": 0.1,
            "topology": (4, 5, 4) if initialiser == "identity" else (4, 3, 4),
            "dtype": _dtype(i),
        }
    for schedule in SCHEDULES[2:]:
        cases[f"{schedule['learning_rate_schedule']} rate"] = schedule
    for clip in CLIPS[2:]:
        steep: Fields = {"optimizer": "sgd", "gradient_clip_limit": 0.01, "learning_rate": 0.5}
        cases[f"clipped by {clip['gradient_clip']}"] = clip | steep
    cases["flat spot"] = {"flat_spot": 0.1, "activation": "tanh"}
    cases["without biases"] = {"biases": False}
    cases |= PRETRAINED | UNFUSED
    for name, ending in ENDINGS.items():
        cases[name] = {"optimizer": "sgd", "learning_rate": 0.3} | ending
    cases["diverged"] = {
        "activation": "identity",
        "output_activation": "identity",
        "loss": "mean_squared_error",
        "loss_semantics": None,
        "optimizer": "sgd",
        "learning_rate": 1e60,
    }
    return {name: SMALL | changes for name, changes in cases.items()}


def _dtype(number: int) -> str:
    return ("float64", "float32")[number % 2]


def _few(optimizer: str) -> Fields:
    """Return fewer epochs where quotients of slopes soon make much of a rounding."""
    return {"max_epochs": 10} if optimizer == "quickprop" else {}
