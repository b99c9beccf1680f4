"""Writes hidden codes for people and for programs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sweep.errors import ConfigError
from sweep.nets.codes import Codes, round_codes
from sweep.printable import printable_line
from sweep.reports.tables.text import plain_table, rest
from sweep.studies.codes.hidden_codes import WHERE, HiddenCodes
from sweep.studies.codes.measures import (
    Duplicate,
    Measures,
    Order,
    canonical_order,
    chance_distance,
    code_distance,
    measure_codes,
    reorder,
)

MOST_SAMPLES = 64
LABEL_WIDTH = 16


@dataclass(frozen=True, kw_only=True)
class CodeDistances:
    """How far codes are from others.

    Attributes:
        other: the trial or publication compared with.
        rounded: distance of the rounded codes, 0 to 0.5. chance: the same to expect of codes that
            know nothing of each other.
        exact: distance of the unrounded codes.
    """

    other: str
    rounded: float
    chance: float
    exact: float


def compare_codes(ours: HiddenCodes, theirs: HiddenCodes) -> CodeDistances:
    """Compare the codes of two networks for the same samples.

    Raises:
        ConfigError: if the samples are others, or the numbers of units differ.
    """
    (samples, units), (n, k) = ours.codes.shape, theirs.codes.shape
    if (samples, units) != (n, k):
        raise ConfigError.of(
            WHERE, f"have {samples} samples by {units} units", key="--against", got=f"{n} by {k}"
        )
    if None not in (ours.data, theirs.data) and ours.data != theirs.data:
        raise ConfigError.of(
            WHERE, f"be trained on the data {ours.data}", key="--against", got=f"{theirs.data}"
        )
    tables = round_codes(ours.codes), round_codes(theirs.codes)
    return CodeDistances(
        other=theirs.source,
        rounded=code_distance(*tables),
        chance=chance_distance(*tables),
        exact=code_distance(ours.codes, theirs.codes),
    )


def format_codes(found: HiddenCodes, *, raw: bool = False) -> str:
    """Write a layer's table in canonical order, and below it what it amounts to.

    Args:
        found: the codes.
        raw: whether to print activations as the network has them, not complemented.
    """
    table = _table(found, canonical_order(found.codes), raw=raw)
    summary = _summary(measure_codes(found.activations, found.codes), found.codes.shape[1])
    origin = "kept" if found.kept else "computed from its weights"
    heading = f"{found.source}  {found.topology}  hidden layer {found.layer}, {origin}"
    return f"{printable_line(heading)}\n{table}\n\n{summary}"


def format_comparison(comparison: CodeDistances) -> str:
    """Write a comparison as two lines."""
    distances = (
        f"{comparison.rounded:.3f} rounded, {comparison.exact:.3f} unrounded; "
        f"{comparison.chance:.3f} to expect by chance"
    )
    return _listed({"against": comparison.other, "code distance": distances})


def codes_record(
    found: HiddenCodes, comparison: CodeDistances | None = None
) -> Mapping[str, object]:
    """Return a layer as JSON would have it: rounded in canonical order, activations as they are."""
    order = canonical_order(found.codes)
    measures = measure_codes(found.activations, found.codes)
    record: dict[str, object] = {
        "source": found.source,
        "topology": found.topology,
        "layer": found.layer,
        "kept": found.kept,
        **asdict(order),
        "codes": reorder(round_codes(found.codes), order).tolist(),
        "activations": found.activations.tolist(),
        **asdict(measures),
        "injective": measures.injective,
    }
    return record | ({"against": asdict(comparison)} if comparison else {})


def _table(found: HiddenCodes, order: Order, *, raw: bool) -> str:
    codes: Codes = (
        found.activations[:, list(order.units)] if raw else reorder(round_codes(found.codes), order)
    )
    flipped = [not raw and turned for turned in order.complemented]
    names = [_unit(unit, turned) for unit, turned in zip(order.units, flipped, strict=True)]
    form = "{:.4f}" if raw else "{:g}"
    rows = [
        [str(sample), *[form.format(value) for value in row]]
        for sample, row in enumerate(codes[:MOST_SAMPLES].tolist())
    ]
    more = rest(len(codes), len(rows), " samples; --json prints all")
    return "\n".join([plain_table(["sample", *names], rows), *more])


def _unit(unit: int, complemented: bool) -> str:
    return f"1-u{unit}" if complemented else f"u{unit}"


def _summary(measures: Measures, n_units: int) -> str:
    answer = "yes" if measures.injective else "no"
    return _listed(
        {
            "injective": f"{answer}: {measures.distinct} codes for {measures.samples} samples",
            "binary": f"{measures.near_binary:.0%} of values within 0.25 of 0 or 1; "
            f"mean |2v - 1| {measures.sharpness:.2f}",
            "effective rank": f"{measures.effective_rank:.2f} of {n_units}",
            "duplicate units": ", ".join(map(_pair, measures.duplicates)) or "none",
        }
    )


def _pair(pair: Duplicate) -> str:
    return f"u{pair.first} = {_unit(pair.second, pair.complementary)}"


def _listed(lines: Mapping[str, str]) -> str:
    return "\n".join(printable_line(f"{name:<{LABEL_WIDTH}}{text}") for name, text in lines.items())
