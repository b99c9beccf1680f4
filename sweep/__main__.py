"""Runs the command line as `python -m sweep`."""

from sweep.cli.main import run_process

if __name__ == "__main__":
    run_process()
