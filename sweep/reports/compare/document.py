"""Says a comparison: the same headings, sentences and tables in a terminal, Markdown and HTML."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sweep.printable import counted
from sweep.reports.axes import UNTELLING
from sweep.reports.compare.comparison import Comparison, Contrast, overview_of
from sweep.reports.compare.contrasts import LESS, MORE, UNDECIDED, Measure, SettingRatio
from sweep.reports.compare.differences import Difference, describe_levels
from sweep.reports.compare.pairing import Pairing
from sweep.reports.compare.sides import NONE, Side
from sweep.reports.statistics.intervals import Estimate, describe_level, format_estimate
from sweep.reports.tables.text import MISSING, format_number, format_value
from sweep.trial import SPLIT

MOST_SETTINGS = 8
"""Settings that are told from either end."""
UNLIKE = "Losses of different data, or different loss functions, do not compare."
HOW = (
    "Trials pair where they are alike in everything but what has one value in each sweep, the seed "
    "included. Of losses, epochs and times the median of the ratios of the pairs is told, of "
    "shares the difference in percentage points. A trial that diverged counts as an infinite "
    "loss; epochs are of the pairs in which both converged, seconds depend on how many trials "
    "trained side by side and have no interval. Each interval in the tables is of 95% by itself, "
    "as if pairs were drawn independently of each other."
)


@dataclass(frozen=True)
class Heading:
    """A heading; the first of a document has depth 1."""

    text: str
    depth: int


@dataclass(frozen=True)
class Paragraph:
    """Sentences."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table of text; the cells of the columns `whole` are never shortened."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    whole: Collection[int] = ()


@dataclass(frozen=True)
class Picture:
    """Where the losses of the pairs of two sweeps are to be drawn."""

    contrast: Contrast
    title: str


Block = Heading | Paragraph | Table | Picture


def document_of(comparison: Comparison, *, in_full: bool) -> Iterator[Block]:
    """Yield what is to be said; `in_full` with pictures and a table of settings for each two."""
    names = [side.name for side in comparison.sides]
    yield Heading(f"{', '.join(names[:-1])} and {names[-1]} compared", 1)
    yield _overview(comparison.sides)
    for side in comparison.sides:
        yield from (Paragraph(f"{side.called}: {text}") for text in side.population.remarks)
    yield Heading("What differs", 2)
    yield _differences(comparison)
    for contrast in comparison.contrasts:
        yield from _contrast(contrast, in_full=in_full)
    if any(contrast.measures for contrast in comparison.contrasts):
        yield Heading("How to read this", 2)
        wider = "Verdicts go by wider ones. " if comparison.intervals > 1 else ""
        yield Paragraph(f"{HOW} {wider}{describe_level(comparison.intervals)}")


def _overview(sides: Sequence[Side]) -> Table:
    found = [overview_of(side) for side in sides]
    name = found[0].loss_name
    of_loss = name if all(item.loss_name == name for item in found) else "loss"
    header = ["", "sweep", "trials", "converged", "diverged", f"median {of_loss}"]
    rows = [
        [
            *(side.letter, side.name, f"{len(side.trials):,}"),
            *(
                format_number(found.estimate.value, ".1%")
                for found in (item.converged, item.diverged)
            ),
            format_estimate(item.loss),
        ]
        for side, item in zip(sides, found, strict=True)
    ]
    return Table(header, rows, whole=range(2, 6))


def _differences(comparison: Comparison) -> Block:
    if not comparison.differences:
        return Paragraph("Nothing: all ask for the same, and were trained by the same versions.")
    header = ["", "", *(side.letter for side in comparison.sides)]
    return Table(header, [_difference(item) for item in comparison.differences])


def _difference(item: Difference) -> list[str]:
    return [item.kind, item.name, *map(describe_levels, item.values)]


def _contrast(contrast: Contrast, *, in_full: bool) -> Iterator[Block]:
    pairing = contrast.pairing
    first, second = pairing.first, pairing.second
    yield Heading(f"{second.called} against {first.called}", 2)
    yield Paragraph(describe_pairing(pairing))
    if not contrast.measures:
        return
    header = ["", first.letter, second.letter, f"{second.letter} against {first.letter}", "", "of"]
    yield Table(header, [_measure(measure) for measure in contrast.measures], whole=range(5))
    if in_full and len(pairing) and pairing.loss_name:
        yield Picture(contrast, f"{pairing.loss_name.capitalize()} of the pairs")
    if in_full and len(contrast.settings) > 1:
        yield from _settings(contrast)


def describe_pairing(pairing: Pairing) -> str:
    """Say in sentences how the trials of two sweeps pair, or why they do not."""
    first, second = pairing.first.letter, pairing.second.letter
    alone = f"{pairing.unpaired[0]:,} of {first} and {pairing.unpaired[1]:,} of {second}"
    if not len(pairing):
        return f"No trial of {first} pairs with one of {second}: {pairing.why_not}."
    rest = f"{alone} have no counterpart" if any(pairing.unpaired) else "none is left over"
    told = [
        f"{counted(len(pairing), 'pair')}, of {counted(pairing.settings, 'setting')} and "
        f"{counted(pairing.seeds, 'seed')}; {rest}."
    ]
    if compared := leading(pairing.apart):
        told.append(f"Compared: {', '.join(compared)}.")
    if pairing.same:
        told.append(f"{pairing.same:,} pairs are one trial that both hold.")
    if pairing.alike > pairing.same:
        told.append(f"{pairing.alike:,} came to the very same loss after as many epochs.")
    if not pairing.loss_name:
        told.append(UNLIKE)
    return " ".join(told)


def leading(names: Sequence[str]) -> list[str]:
    """Return the names without those that follow from others, as options do."""
    known = set(names)
    following = UNTELLING if known & {"dataset", SPLIT} else frozenset()
    return [
        name
        for name in names
        if name not in following and not any(name.startswith(f"{other}_") for other in known)
    ]


def _measure(measure: Measure) -> list[str]:
    is_share = measure.kind == "difference"
    form = ".1%" if is_share else ".3g"
    ends = [format_number(value, form) for value in (measure.first, measure.second)]
    if is_share:
        found = f"{format_estimate(measure.estimate, '+.1f')} points"
    else:
        found = f"× {format_estimate(measure.estimate)}"
    return [measure.name, *ends, found, verdict(measure), measure.count]


def verdict(measure: Measure) -> str:
    """Say in a word whether the second sweep has more of it, or less."""
    words = {MORE: "higher", LESS: "lower", UNDECIDED: "not shown", "": "no interval"}
    return words[measure.verdict]


def _settings(contrast: Contrast) -> Iterator[Block]:
    shown = contrast.settings
    title = "Ratio of losses by setting"
    if len(shown) > 2 * MOST_SETTINGS:
        title += f": the {MOST_SETTINGS} least and the {MOST_SETTINGS} greatest of {len(shown):,}"
        shown = [*shown[:MOST_SETTINGS], *shown[-MOST_SETTINGS:]]
    pairing = contrast.pairing
    varied = [n for n in pairing.shared if len({_value(item, n) for item in shown}) > 1]
    header = [*varied, f"trials of {pairing.first.letter}", f"of {pairing.second.letter}", "ratio"]
    rows = [
        [
            *(_value(item, name) for name in varied),
            *(f"{count:,}" for count in item.counts),
            _ratio(item.ratio, by_seed=item.by_seed),
        ]
        for item in shown
    ]
    yield Heading(title, 3)
    yield Table(header, rows, whole=[len(varied) + 2])


def _value(item: SettingRatio, name: str) -> str:
    text = format_value(item.values[name])
    return NONE if text == MISSING else text


def _ratio(ratio: Estimate, *, by_seed: bool) -> str:
    return format_estimate(ratio) + ("" if by_seed else ", of medians")
