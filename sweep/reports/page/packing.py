"""Packs bytes into text that a page carries: gzip, then base64. Knows nothing of what they mean."""

import base64
import zlib
from collections.abc import Iterable

LEVEL = 6
GZIP = 16 + zlib.MAX_WBITS
"""Asks zlib for gzip's frame, which browsers decompress by themselves."""


def pack(parts: Iterable[bytes]) -> str:
    """Return the parts after one another, compressed, as text of letters, digits, `+`, `/`, `=`.

    The same bytes give the same text: the frame holds no time.
    """
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    packed = b"".join([*map(compressor.compress, parts), compressor.flush()])
    return base64.b64encode(packed).decode("ascii")
