"""From a YAML file to a validated sweep."""

from typing import TYPE_CHECKING

from sweep.lazy import lazy_names

if TYPE_CHECKING:
    from sweep.config.load import load_config, load_with_text, parse_config
    from sweep.config.sweepfile import SweepConfig

__all__ = ["SweepConfig", "load_config", "load_with_text", "parse_config"]
_LOADING = dict.fromkeys(("load_config", "load_with_text", "parse_config"), "sweep.config.load")
__getattr__ = lazy_names(__name__, _LOADING | {"SweepConfig": "sweep.config.sweepfile"})
