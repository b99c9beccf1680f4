"""How shells ask for completions: click's way, and a script of our own for bash."""

import os

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

PROGRAM = "sweep"
VARIABLE = "_SWEEP_COMPLETE"
"""By which the script of a shell asks the program to complete rather than to run."""
BREAKS = "=:"
"""Characters at which bash begins a new word, though none begins there on our command line."""

SCRIPT = r"""%(complete_func)s() {
    local IFS=$'\n' response completion type value
    COMPREPLY=()
    response=$(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" \
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
    for completion in $response; do
        type=${completion%%%%,*}
        value=${completion#*,}
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            open) COMPREPLY+=("$value"); compopt -o nospace ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class WholeWords(BashComplete):
    """Completes whole words of the line, as zsh and fish do: `grid.optimizer=ad` is one."""

    source_template = SCRIPT

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one to complete, and the beginning of that."""
        line = os.environ["COMP_LINE"].encode()[: int(os.environ["COMP_POINT"])].decode()
        words = split_arg_string(line)[1:]
        if line[-1:].isspace() or not words:
            return words, ""
        return words[:-1], words[-1]

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return type and value, without what bash has set before its own word."""
        _, incomplete = self.get_completion_args()
        before = max(incomplete.rfind(sign) for sign in BREAKS) + 1
        kind = "open" if item.value.endswith("=") else item.type  # goes on without a space
        return f"{kind},{item.value[before:]}"


def register_shells() -> None:
    """Have click use our script for bash."""
    add_completion_class(WholeWords, "bash")


def script_of(shell: str, command: click.Command) -> str:
    """Return what a shell has to read to complete our commands.

    Args:
        shell: bash, zsh or fish.
        command: the group of all commands.
    """
    register_shells()
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(command, {}, PROGRAM, VARIABLE).source_template % {
        "complete_func": f"_{PROGRAM}_completion",
        "complete_var": VARIABLE,
        "prog_name": PROGRAM,
    }
