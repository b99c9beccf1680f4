"""The sections of every report."""
