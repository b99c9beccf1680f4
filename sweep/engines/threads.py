"""How many threads PyTorch computes with where trials are trained."""


def use_one_thread() -> None:
    """Have PyTorch, which this imports, use one thread in this process.

    So every worker gives the same bits; and packs fill the cores, so that threads cost more than
    they give.
    """
    import torch

    torch.set_num_threads(1)
