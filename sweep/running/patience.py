"""How long to wait between two reports. Knows nothing of what they say, nor to whom."""

PATIENCE = 10
"""A report that took a second is followed by the next after ten: whoever reports waits for no more
than a tenth of the time, and thousands of them slow down by themselves where one would hurry.
Checkpoints keep to their time, since that bounds what a crash costs."""


def pause_after(seconds: float, *, least: float) -> float:
    """Return the seconds until the next report.

    Args:
        seconds: how long the last report took until it was acknowledged.
        least: pause where that was quick.
    """
    return max(least, PATIENCE * seconds)
