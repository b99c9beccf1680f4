"""The libraries within a report's page are the files that were looked at, with their licences."""

import hashlib
import tomllib
from importlib.resources import files

import pytest

VENDOR = files("sweep.reports.page") / "vendor"
LIBRARIES = tomllib.loads((VENDOR / "VERSIONS.toml").read_text())["library"]


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library["name"])
def test_library_is_the_file_that_its_entry_describes(library):
    file = (VENDOR / library["file"]).read_bytes()
    assert len(file) == library["size"]
    assert hashlib.sha256(file).hexdigest() == library["sha256"]
    assert f"v{library['version']} ".encode() in file[:100]


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library["name"])
def test_library_has_its_licence_beside_it(library):
    licence = (VENDOR / library["licence_file"]).read_text()
    assert library["licence"] == "ISC"
    assert "Permission to use, copy, modify, and/or distribute this software" in licence


def test_every_file_of_a_library_has_an_entry():
    named = {library[key] for library in LIBRARIES for key in ("file", "licence_file")}
    assert {path.name for path in VENDOR.iterdir()} == {*named, "VERSIONS.toml"}
