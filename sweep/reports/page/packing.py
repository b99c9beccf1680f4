"""Packs what a page carries into texts that may stand in it. Knows nothing of what they mean."""

import base64
import json
import sys
import zlib
from collections.abc import Iterable

LEVEL = 6
GZIP = 16 + zlib.MAX_WBITS
"""Asks zlib for gzip's frame, which browsers decompress by themselves."""


def pack(parts: Iterable[bytes]) -> str:
    """Return the parts after one another, compressed, as text of letters, digits, `+`, `/`, `=`.

    The same bytes give the same text: the frame holds no time.
    """
    packed = pack_within(parts, sys.maxsize)
    assert packed is not None
    return packed


def pack_within(parts: Iterable[bytes], most: int) -> str | None:
    """Return `pack` of the parts, or None as soon as it is more than `most` letters."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    packed, room = [], most // 4 * 3
    for part in parts:
        packed.append(compressor.compress(part))
        room -= len(packed[-1])
        if room < 0:
            return None
    packed.append(compressor.flush())
    return base64.b64encode(b"".join(packed)).decode("ascii") if len(packed[-1]) <= room else None


def safe_json(value: object) -> str:
    """Return JSON that may stand in a script element, whatever texts it holds: no `<` is in it."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
