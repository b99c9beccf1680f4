"""The reference engine: plain PyTorch, one trial at a time."""
