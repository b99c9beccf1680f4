"""AdamW: Loshchilov and Hutter 2017."""

from sweep.components.optimizers.adam import Adam


class AdamW(Adam):
    """Adam with its weight decay decoupled from the gradient (Loshchilov and Hutter 2017)."""

    name = "adamw"
    decouples_decay = True
