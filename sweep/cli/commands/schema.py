"""`sweep schema`: print the JSON Schema of sweep files, for editors."""

import json

import click


@click.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of sweep files.

    Editors with a YAML language server check and complete a file that begins with
    `# yaml-language-server: $schema=sweep.schema.json`.
    """
    from sweep.config.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
