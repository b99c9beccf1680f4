"""The hidden codes of networks."""
