"""Reads a page back: what its views read, in Python."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np


class PageReader:
    """The contents of a page, by the ids of its elements."""

    def __init__(self, page: bytes) -> None:
        self.text = page.decode()
        self.manifest: dict[str, Any] = json.loads(self._element("manifest"))

    def column(self, name: str) -> list[Any]:
        """Return the values of a column, None where one is missing."""
        (column,) = (item for item in self.manifest["columns"] if item["name"] == name)
        raw, n_trials = self.data("trials"), self.manifest["trials"]
        return decoded_column(column, raw[column["offset"] :], n_trials)

    def curves(self, place: int) -> np.ndarray:
        """Return the curves of a quantity, (points, trials): nan where there is no value."""
        told = self.manifest["curves"]
        quantity, shape = told["quantities"][place], (told["points"], self.manifest["trials"])
        raw = self.data("curves")[quantity["offset"] :]
        steps = np.frombuffer(raw, "<u2", shape[0] * shape[1]).reshape(shape)
        steps = np.add.accumulate(steps, axis=0, dtype=np.uint16)
        heights = quantity["low"] + steps * (quantity["high"] - quantity["low"]) / told["top"]
        values = 10.0**heights if quantity["scale"] == "log" else heights
        return np.where(steps == told["missing"], np.nan, values)

    @property
    def details(self) -> dict[str, Any]:
        """What is told of single trials."""
        return dict(json.loads(self.data("details")))

    @property
    def elements(self) -> list[tuple[str, dict[str, str | None]]]:
        """Every element that a parser of HTML sees, in order, with its attributes."""
        return _Elements(self.text).seen

    def data(self, name: str) -> bytes:
        """Return the unpacked bytes of an element."""
        return gzip.decompress(base64.b64decode(self._element(name), validate=True))

    def _element(self, name: str) -> str:
        found = re.findall(rf'<script type="[a-z/]*" id="{name}">(.*?)</script>', self.text, re.S)
        assert len(found) == 1, f"{len(found)} elements {name}"
        return str(found[0])


class _Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def decoded_column(column: dict[str, Any], raw: bytes, n_values: int) -> list[Any]:
    """Return the values of a column from its bytes on, None where one is missing."""
    kind = column["type"]
    if kind == "hex8":
        return [raw[8 * i : 8 * i + 8].hex() for i in range(n_values)]
    values = np.frombuffer(raw, f"<{kind}", n_values).tolist()
    missing = 2 ** (8 * int(kind[1])) - 1 if kind[0] == "u" else None
    known = [None if value == missing or value != value else value for value in values]
    if column["kind"] == "category":
        return [None if value is None else column["levels"][value] for value in known]
    return known
