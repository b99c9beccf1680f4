"""`sweep completion`: print what a shell has to read to complete our commands."""

import click

from sweep.cli.console import write_data

SHELLS = ["bash", "zsh", "fish"]


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    r"""Print a script by which SHELL completes commands, options, sweeps, trials and columns.

    \b
    bash:  sweep completion bash > ~/.local/share/bash-completion/completions/sweep
    zsh:   sweep completion zsh > ~/.zfunc/_sweep, with ~/.zfunc in fpath before compinit
    fish:  sweep completion fish > ~/.config/fish/completions/sweep.fish

    For the shell at hand alone: source <(sweep completion bash).
    """
    from sweep.cli.completion import script_of

    write_data(script_of(shell, context.find_root().command))
