"""Reuse of earlier training: derived rows, saved states, checkpoint files."""
