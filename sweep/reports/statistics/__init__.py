"""What numbers say, and how sure they are."""
