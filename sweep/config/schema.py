"""The JSON Schema of sweep files."""

from typing import Any

from sweep.config.sweepfile import SweepConfig


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a sweep file."""
    schema = SweepConfig.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Sweep file",
    }
