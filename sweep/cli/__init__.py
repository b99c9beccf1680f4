"""The command line: one small module a command, each importing only what it runs."""
