"""Makes pages of the site of the repository's own, and lets no link lead out of it.

A hook of MkDocs (`mkdocs.yml`). Pages are written to be read in the repository as well, where links
lead to the code; on the site these lead to `repo_url`, or are text where there is none.
"""

import os
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
ROOT_PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
}
"""Pages outside of docs/ that are pages of the site, by where they are there."""
SHIM_ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
SHIM = "assets/iframe-worker.js"
"""What a search needs in pages opened from disk."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```.*?^```)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's root."""
    for source, target in ROOT_PAGES.items():
        text = (ROOT / source).read_text("utf-8")
        files.append(File.generated(config, target, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Set links as the site has them."""
    sources = {target: source for source, target in ROOT_PAGES.items()}
    place = sources.get(page.file.src_uri) or f"docs/{page.file.src_uri}"
    parts = FENCE.split(markdown)

    def link(found: re.Match[str]) -> str:
        mark, text, target = found.groups()
        return _link(mark, text, target, place, page.file.src_uri, config, files)

    return "".join(part if part.startswith("```") else LINK.sub(link, part) for part in parts)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Have pages load from the site what Material for MkDocs has from elsewhere."""
    ours = os.path.relpath(SHIM, posixpath.dirname(page.file.dest_uri) or ".")
    return output.replace(SHIM_ELSEWHERE, ours)


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:
    """Do so in the page of what is not found, which may be served at any depth."""
    return output_content.replace(SHIM_ELSEWHERE, f"/{SHIM}")


def _link(
    mark: str,
    text: str,
    target: str,
    place: str,
    here: str,
    config: MkDocsConfig,
    files: Files,
) -> str:
    """Return a link of a page at `place` in the repository as the site's page `here` has it."""
    path, hash_, anchor = target.partition("#")
    if "://" in target or target.startswith("mailto:") or not path:
        return f"{mark}[{text}]({target})"
    source = posixpath.normpath(posixpath.join(posixpath.dirname(place), path))
    inside = ROOT_PAGES.get(source) or source.removeprefix("docs/")
    known = source in ROOT_PAGES or source.startswith("docs/")
    if known and files.get_file_from_path(inside):
        there = os.path.relpath(inside, posixpath.dirname(here) or ".")
        return f"{mark}[{text}]({there}{hash_}{anchor})"
    if not (ROOT / source).exists():
        return f"{mark}[{text}]({target})"  # which MkDocs warns of
    if config.repo_url and not mark:
        return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{source})"
    return text
