"""The space that a search draws points from, and what draws them."""
