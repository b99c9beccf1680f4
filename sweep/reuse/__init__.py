"""What was trained before: rows that follow from others, kept states, checkpoint files."""
