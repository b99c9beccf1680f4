"""Completes the words of a command line in bash, zsh and fish, by click's mechanism."""

from sweep.cli.completion.shells import VARIABLE, register_shells, script_of
from sweep.cli.completion.words import completing

__all__ = ["VARIABLE", "completing", "register_shells", "script_of"]
