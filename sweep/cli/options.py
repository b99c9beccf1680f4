"""Options that several commands share. Knows no command."""

import click


def _refuse(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from sweep.trust import refusing_plugins

        context.with_resource(refusing_plugins())


no_plugins = click.option(
    "--no-plugins",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_refuse,
    help="Run nobody's own code: refuse names like package.module:name.",
)
