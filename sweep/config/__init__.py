"""From a YAML file to a validated sweep."""

from sweep.config.load import load_config, load_with_text, parse_config
from sweep.config.sweepfile import SweepConfig

__all__ = ["SweepConfig", "load_config", "load_with_text", "parse_config"]
