"""Sweeps as jobs of a cluster's job server: submit, list, follow, stop, fetch."""
