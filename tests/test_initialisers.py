"""Claims: initial weights follow their distributions and depend on seed and layer alone."""

import math

import numpy as np
import pytest
import torch
from sklearn.neural_network import MLPRegressor

from sweep.nets.initialisers import initial_parameters
from sweep.nets.randomness import Purpose, normal, permutation, raw_bits, uniform
from sweep.nets.topology import bottleneck_layer, count_parameters, layers_of
from tests.trials import make_trial

WIDE = (200, 100, 200)
GAIN = 0.5773502691896258  # the root of 1/3


def first_weights(initialiser: str, constant: float | None = 1.0) -> np.ndarray:
    trial = make_trial(
        initialiser=initialiser, initialiser_constant=constant, seed=11, topology=WIDE
    )
    return initial_parameters(trial)[layers_of(WIDE)[0].weights]


@pytest.mark.parametrize(
    ("initialiser", "deviation"),
    [
        ("uniform", 1 / math.sqrt(3)),
        ("normal", 1.0),
        ("xavier_uniform", math.sqrt(2 / 300)),
        ("xavier_normal", math.sqrt(2 / 300)),
        ("kaiming_uniform", math.sqrt(1 / 200)),
        ("kaiming_normal", math.sqrt(1 / 200)),
        ("dl4j_xavier", math.sqrt(2 / 300)),
    ],
)
def test_standard_deviation_is_as_published(initialiser: str, deviation: float) -> None:
    weights = first_weights(initialiser)
    assert weights.std() == pytest.approx(deviation, rel=0.02)
    assert weights.mean() == pytest.approx(0.0, abs=4 * deviation / math.sqrt(weights.size))


def test_uniform_at_one_seed_is_the_same_draw_scaled() -> None:
    np.testing.assert_allclose(first_weights("uniform", 0.25), 0.25 * first_weights("uniform", 1.0))


def test_constant_fills_weights_and_leaves_biases_zero() -> None:
    parameters = initial_parameters(make_trial(initialiser="constant", initialiser_constant=0.4))
    for layer in layers_of((4, 3, 4)):
        assert (parameters[layer.weights] == 0.4).all()
        assert (parameters[layer.biases] == 0.0).all()


def test_jitter_moves_each_weight_by_at_most_itself() -> None:
    trial = make_trial(initialiser="constant", initialiser_constant=0.4, initialiser_jitter=0.01)
    weights = initial_parameters(trial)[layers_of((4, 3, 4))[0].weights]
    assert (np.abs(weights - 0.4) <= 0.01).all()
    assert len(np.unique(weights)) == weights.size


def first_layer(**changes: object) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and biases of the first layer of 200-100-200."""
    parameters = initial_parameters(make_trial(topology=WIDE, seed=11, **changes))
    layer = layers_of(WIDE)[0]
    return parameters[layer.weights], parameters[layer.biases]


def check_uniform(numbers: np.ndarray, bound: float) -> None:
    assert np.abs(numbers).max() <= bound
    assert np.abs(numbers).max() > 0.93 * bound
    assert numbers.std() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_torch_linear_begins_as_nn_linear_does_biases_too() -> None:
    torch.manual_seed(1)
    theirs = torch.nn.Linear(200, 100)
    ours = first_layer(
        initialiser="torch_linear", initialiser_constant=None, initialiser_draw_biases=True
    )
    for numbers in (*ours, theirs.weight.detach().numpy(), theirs.bias.detach().numpy()):
        check_uniform(numbers, 1 / math.sqrt(200))


def test_torch_linear_is_kaiming_uniform_with_a_gain_of_root_third() -> None:
    options = {"initialiser_draw_biases": True}
    ours = first_layer(initialiser="torch_linear", initialiser_constant=None, **options)
    same = first_layer(initialiser="kaiming_uniform", initialiser_constant=GAIN, **options)
    for mine, other in zip(ours, same, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-15)


@pytest.mark.parametrize(("activation", "gain"), [("tanh", 1.0), ("logistic", GAIN)])
def test_xavier_uniform_with_drawn_biases_begins_as_scikit_learn(
    activation: str, gain: float
) -> None:
    theirs = MLPRegressor(
        hidden_layer_sizes=(100,),
        activation=activation,
        solver="sgd",
        learning_rate_init=1e-300,
        random_state=1,
    )
    theirs.partial_fit(np.eye(200), np.eye(200))
    ours = first_layer(
        initialiser="xavier_uniform", initialiser_constant=gain, initialiser_draw_biases=True
    )
    for numbers in (*ours, theirs.coefs_[0], theirs.intercepts_[0]):
        check_uniform(numbers, gain * math.sqrt(6 / 300))


@pytest.mark.parametrize("initialiser", ["uniform", "normal", "xavier_normal", "kaiming_uniform"])
def test_drawn_biases_leave_the_weights_and_have_numbers_of_their_own(initialiser: str) -> None:
    plain, _ = first_layer(initialiser=initialiser)
    weights, biases = first_layer(
        initialiser=initialiser, initialiser_draw_biases=True, bias_constant=5.0
    )
    np.testing.assert_array_equal(weights, plain)
    assert biases.mean() == pytest.approx(5.0, abs=0.3)
    assert biases.std() == pytest.approx(weights.std(), rel=0.2)
    assert len(np.unique(biases)) == biases.size
    assert not np.isin(biases - 5.0, weights).any()


def test_raw_bits_are_frozen() -> None:
    words = raw_bits(2, seed=7, purpose=Purpose.WEIGHTS, index=1)
    assert words.tolist() == [18010356322687872779, 11900236222207309085]


def test_draws_of_other_layers_seeds_and_purposes_differ() -> None:
    keys = [
        (0, Purpose.WEIGHTS, 0),
        (0, Purpose.WEIGHTS, 1),
        (1, Purpose.WEIGHTS, 0),
        (0, Purpose.JITTER, 0),
    ]
    draws = {uniform(3, seed=s, purpose=p, index=i).tobytes() for s, p, i in keys}
    assert len(draws) == 4


def test_odd_counts_of_normals_are_finite() -> None:
    draws = normal(99_999, seed=1, purpose=Purpose.WEIGHTS)
    assert draws.shape == (99_999,)
    assert np.isfinite(draws).all()


def test_permutation_depends_on_seed_and_epoch() -> None:
    orders = {permutation(50, seed=s, epoch=e).tobytes() for s in (0, 1) for e in (0, 1)}
    assert len(orders) == 4
    assert sorted(permutation(50, seed=0, epoch=3).tolist()) == list(range(50))


def test_bottleneck_is_the_narrowest_and_most_central() -> None:
    assert bottleneck_layer((16, 8, 4, 8, 16)) == 2
    assert bottleneck_layer((4, 4, 4, 4, 4)) == 2
    assert bottleneck_layer((4, 4)) is None
    assert count_parameters((16, 4, 16)) == 16 * 4 + 4 + 4 * 16 + 16
