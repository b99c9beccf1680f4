"""Networks: layout, initial weights, losses, codes."""
