"""`sweep codes`: show the hidden code of each sample of a trial."""

import json
from typing import TYPE_CHECKING, Any

import click

from sweep.cli.options import plugin_options

if TYPE_CHECKING:
    from sweep.nets.codes import Codes
    from sweep.store.places.layout import ResultsDir
    from sweep.studies.codes.hidden_codes import HiddenCodes
    from sweep.studies.codes.page import CodeDistances


@click.command("codes")
@click.argument("trial")
@click.option("--results", help="Where to look: a directory, name or file. [every results/*]")
@click.option(
    "--layer",
    metavar="N|bottleneck|all",
    default="bottleneck",
    show_default=True,
    help="Hidden layer, from 1.",
)
@click.option(
    "--against",
    metavar="TRIAL|NAME",
    help="Compare with another trial, or with published codes such as zhang2017_codes.",
)
@click.option("--raw", is_flag=True, help="Print activations rather than rounded codes.")
@click.option("--json", "as_json", is_flag=True, help="Print codes and activations as JSON.")
@plugin_options
def codes_command(
    trial: str, results: str | None, layer: str, against: str | None, raw: bool, as_json: bool
) -> None:
    """Show the hidden code of each sample in the trial whose identity begins with TRIAL.

    Values below 0.25 are shown as 0, above 0.75 as 1, others as 0.5; activations that do not lie
    in [0, 1] are first scaled to it, each unit by its range. Units are permuted and complemented
    to the least table, so that runs can be compared: u2 is unit 2, 1-u2 its complement.

    Codes are read if they were kept, else computed from the kept weights.
    """
    from sweep.cli.places import all_results, find_results
    from sweep.studies.codes.hidden_codes import find_codes
    from sweep.studies.codes.page import codes_record, format_codes, format_comparison

    places = [find_results(results)] if results else all_results()
    found = find_codes(places, trial, layer, compute=_compute)
    compared = [_comparison(places, codes, against) for codes in found]
    if as_json:
        records = [codes_record(c, other) for c, other in zip(found, compared, strict=True)]
        click.echo(json.dumps(records, indent=2))
        return
    pages = []
    for codes, other in zip(found, compared, strict=True):
        tail = f"\n{format_comparison(other)}" if other else ""
        pages.append(format_codes(codes, raw=raw) + tail)
    click.echo("\n\n".join(pages))


def _comparison(
    places: "list[ResultsDir]", codes: "HiddenCodes", against: str | None
) -> "CodeDistances | None":
    from sweep.studies.codes.hidden_codes import find_codes, published_names, read_published
    from sweep.studies.codes.page import compare_codes

    if against is None:
        return None
    if against in published_names():
        return compare_codes(codes, read_published(against, codes.topology))
    (theirs,) = find_codes(places, against, str(codes.layer), compute=_compute)
    return compare_codes(codes, theirs)


def _compute(*given: Any) -> "list[Codes]":
    from sweep.nets.autoencoder import hidden_activations  # PyTorch comes with it

    return hidden_activations(*given)
