"""`sweep query`: answer a question in SQL over the tables."""

import sys

import click

from sweep.cli.console import say, write_data
from sweep.printable import counted


@click.command("query")
@click.argument("results")
@click.argument("sql")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV.")
def query_command(results: str, sql: str, as_json: bool, as_csv: bool) -> None:
    """Answer SQL over the tables of RESULTS: a directory or its URI, a sweep's name, or its file.

    The tables are trials, curves, ladder, gradients, codes and phases, such as in
    "SELECT topology, median(final_loss) FROM trials GROUP BY ALL". The SQL is DuckDB's; it can
    read these tables, and no files. "DESCRIBE trials" lists columns.

    Numbers are shown to six digits; JSON and CSV have all.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv: give one of them")
    from sweep.cli.places import find_results
    from sweep.querying.query import answer
    from sweep.reports.tables.text import format_value, plain_table

    found = answer(find_results(results).path, sql)
    if as_json or as_csv:
        for part in found.json_parts() if as_json else found.csv_parts():
            write_data(part)
        write_data("\n" if as_json else "")
        return
    rows = [list(map(format_value, row)) for row in found.rows()]
    if found.columns:
        click.echo(plain_table(found.columns, rows))
    if sys.stdout.isatty():
        say(counted(len(rows), "row"), err=True)
