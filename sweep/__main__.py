"""Runs the command line as `python -m sweep`. Knows no command."""

from sweep.cli.main import main

if __name__ == "__main__":
    main(prog_name="sweep")
