"""`sweep export`: hand the trials to other programs."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep.cli.console import say, write_data
from sweep.printable import counted

if TYPE_CHECKING:
    from sweep.store.places.layout import ResultsDir

FORMS = {"csv": "{name}.csv", "tensorboard": "{name}-tensorboard", "mlflow": "{name}-mlflow.db"}
OPENED = {
    "csv": "",
    "tensorboard": "; tensorboard --logdir {place}",
    "mlflow": "; mlflow ui --backend-store-uri sqlite:///{place}",
}


@click.command("export")
@click.argument("results")
@click.option("--to", "form", type=click.Choice(list(FORMS)), required=True, help="What for.")
@click.option("--where", metavar="EXPR", help="Trials to hand on, in SQL. [all]")
@click.option("--output", metavar="PATH", help="A new file or folder. [./NAME…; csv: - to print]")
def export_command(results: str, form: str, where: str | None, output: str | None) -> None:
    """Hand the trials of RESULTS on: a directory or its URI, a sweep's name, or its file.

    CSV has every column of the table of trials. TensorBoard and MLflow get a run a trial: the
    hyperparameters that vary, what came out, and the curves of the losses; they need
    pip install 'autoencoder-sweep[export]'.
    """
    from sweep.cli.places import find_results

    directory = find_results(results)
    if form == "csv" and output == "-":
        _print_csv(directory, where)
        return
    place = _new(Path(output or FORMS[form].format(name=directory.path.name)))
    count = _write(form, directory, where, place)
    opened = OPENED[form].format(place=shlex.quote(str(place)))
    say(f"{counted(count, 'trial')} written to {place}{opened}")


def _new(place: Path) -> Path:
    """Return where to write, which must not be there, or be an empty folder."""
    from sweep.errors import StoreError

    if place.is_dir() and not any(place.iterdir()):
        return place
    if place.exists() or place.is_symlink():
        raise StoreError(f"{place}: must not exist; name another by --output")
    if not place.absolute().parent.is_dir():
        raise StoreError(f"{place.parent}: must be a folder; make it, or name another by --output")
    return place


def _write(form: str, directory: "ResultsDir", where: str | None, place: Path) -> int:
    from sweep.exports.records import exported_parameters, run_records
    from sweep.store.places.layout import TableName
    from sweep.store.tables.schema import SCHEMAS

    if form == "csv":
        from sweep.exports.csv_file import write_csv

        return write_csv(directory, where, place)
    runs = run_records(directory.path, where)
    if form == "mlflow":
        from sweep.exports.mlflow import write_mlflow

        return write_mlflow(runs, place, directory.path.name)
    from sweep.exports.tensorboard import write_tensorboard

    schema = SCHEMAS[TableName.TRIALS]
    columns = [schema.field(name) for name in exported_parameters(directory.path)]
    return write_tensorboard(runs, place, columns)


def _print_csv(directory: "ResultsDir", where: str | None) -> None:
    from sweep.exports.csv_file import csv_of

    for part in csv_of(directory, where):
        write_data(part)
