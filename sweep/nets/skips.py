"""What is carried around hidden layers, whatever the connection makes of it."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def carried(values: Float[Tensor, "... inputs"], width: int) -> Float[Tensor, "... outputs"]:
    """Return the first `width` units, followed by zeros where there are fewer."""
    kept = values[..., :width]
    return F.pad(kept, (0, width - kept.shape[-1]))
