"""Writes a first sweep file for data of the user's own. Knows nothing of how it is trained."""

from sweep.examples.contents import Contents, LeftOut
from sweep.examples.images import image_contents
from sweep.examples.page import sweep_text
from sweep.examples.settings import TRIALS, Settings, choose_settings
from sweep.examples.tables import table_contents

__all__ = [
    "TRIALS",
    "Contents",
    "LeftOut",
    "Settings",
    "choose_settings",
    "image_contents",
    "sweep_text",
    "table_contents",
]
