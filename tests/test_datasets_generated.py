"""The stand-in for MNIST: its size, its bits, and that no digit is behind images of both parts."""

import numpy as np
import pytest

from sweep.datasets import Data, DatasetError, DatasetSpec, load_data
from sweep.datasets import generated_digits as made
from tests.sweepfiles import faults_of, small

SPEC = DatasetSpec("digits-28x28")


@pytest.fixture(scope="module")
def few() -> Data:
    return load_data(DatasetSpec("digits-28x28", (("samples", 1000),)))


@pytest.mark.long
def test_it_has_the_size_of_mnist_and_the_same_bits_everywhere() -> None:
    data = load_data(SPEC)
    assert data.name == "digits-28x28-60000-test-10000"
    assert data.inputs.shape == (60_000, 784)
    assert data.targets is data.inputs
    assert data.validation_inputs is not None
    assert data.validation_inputs.shape == (10_000, 784)
    assert (data.inputs.min(), data.inputs.max()) == (0.0, 1.0)
    assert data.fingerprint == "84dd9e02fa2320b3"


def test_fewer_images_are_the_first_ones_with_the_same_ones_held_out(few: Data) -> None:
    fewer = load_data(DatasetSpec("digits-28x28", (("samples", 300),)))
    assert fewer.name == "digits-28x28-300-test-10000"
    assert np.array_equal(fewer.inputs, few.inputs[:300])
    assert few.validation_inputs is not None
    assert fewer.validation_inputs is not None
    assert np.array_equal(fewer.validation_inputs, few.validation_inputs)
    assert fewer.fingerprint == "0180e9662939712e"


def test_levels_are_those_of_bytes_and_as_much_ink_as_in_mnist(few: Data) -> None:
    """MNIST's images have 19% of their pixels inked, and a mean level of 0.131."""
    levels = few.inputs * 255
    assert np.array_equal(levels, np.rint(levels))
    assert few.inputs.mean() == pytest.approx(0.131, abs=0.02)
    assert (levels > 20).mean() == pytest.approx(0.19, abs=0.02)


def test_images_of_one_digit_differ(few: Data) -> None:
    assert few.distinct == 1000


def test_no_digit_is_behind_images_of_both_parts() -> None:
    trained, held_out = made.split_digits(1797)
    assert (len(trained), len(held_out)) == (1541, 256)
    assert sorted([*trained, *held_out]) == list(range(1797))


def test_no_pixel_of_the_most_distorted_image_lies_outside_its_canvas() -> None:
    ends = np.array([0, 2**64 - 1], np.uint64)
    words = np.array(np.meshgrid(*[ends] * 8)).reshape(8, -1).T
    style = made._Style.drawn(words)
    for axis in (0, 1):
        points = made._points(style, axis)
        assert points.min() >= 0
        assert points.max() < made.WIDTH


def test_there_are_no_more_images_than_there_are() -> None:
    with pytest.raises(DatasetError, match="have at most its 60,000 samples, not 60,001"):
        load_data(DatasetSpec("digits-28x28", (("samples", 60_001),)))
    source = {"name": "digits-28x28", "samples": 60_001}
    (fault,) = faults_of(small(dataset=source, fixed={"topology": "784-8-784"}))
    assert (fault.key, fault.must) == ("dataset.samples", "be <= 60000")
    shared = {"name": "digits-28x28", "samples": 10, "validation": 0.1}
    (fault,) = faults_of(small(dataset=shared, fixed={"topology": "784-8-784"}))
    assert "no validation share where it comes with held-out samples" in fault.must
