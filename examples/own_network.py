"""A network of one's own: examples/own_network.yaml trains it beside a perceptron of equal size.

docs/plugins.md explains it.
"""

from torch import nn


class Convolutional(nn.Module):
    """Two strided convolutions down to the code, and two transposed ones back to the image."""

    def __init__(self, features: int, channels: int = 4, code: int = 16):
        super().__init__()
        self.side = round(features**0.5)
        self.small = (2 * channels, self.side // 4, self.side // 4)
        width = 2 * channels * (self.side // 4) ** 2
        self.down = nn.Sequential(
            nn.Conv2d(1, channels, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.SiLU(),
        )
        self.to_code = nn.Linear(width, code)
        self.from_code = nn.Linear(code, width)
        self.up = nn.Sequential(
            nn.ConvTranspose2d(2 * channels, channels, 2, stride=2),
            nn.SiLU(),
            nn.ConvTranspose2d(channels, 1, 2, stride=2),
            nn.Sigmoid(),
        )

    def encode(self, samples):
        """From (samples, features) to a code of any shape for each sample."""
        images = samples.reshape(-1, 1, self.side, self.side)
        return self.to_code(self.down(images).flatten(1))

    def decode(self, codes):
        """From codes to (samples, features)."""
        small = nn.functional.silu(self.from_code(codes)).reshape(-1, *self.small)
        return self.up(small).flatten(1)
