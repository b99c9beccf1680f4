"""Makes pages of the site of the repository's own, and lets no link lead out of it.

A hook of MkDocs (`mkdocs.yml`). Pages are written to be read in the repository as well, where links
lead to the code; on the site these lead to `repo_url`, or are text where there is none.
"""

import posixpath
import re
from collections.abc import Collection
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
FIGURES = "figures/"
"""Where the site has pictures that lie outside of docs/."""
SHIM_ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
SHIM = "assets/iframe-worker.js"
"""What a search needs in pages opened from disk."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```.*?^```)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's root, and the pictures that lie outside of docs/."""
    for source, target in ROOT_PAGES.items():
        text = (ROOT / source).read_text("utf-8")
        files.append(File.generated(config, target, content=text))
    for figure in sorted(figures_outside()):
        files.append(File.generated(config, FIGURES + figure, abs_src_path=str(ROOT / figure)))
    return files


def figures_outside() -> set[str]:
    """Return the pictures of pages that lie outside of docs/, as the repository has them."""
    found = set()
    for page in [*(ROOT / name for name in ROOT_PAGES), *(ROOT / "docs").rglob("*.md")]:
        place = page.parent.relative_to(ROOT).as_posix()
        for mark, _, target in LINK.findall(page.read_text("utf-8")):
            source = posixpath.normpath(posixpath.join(place, target))
            if mark and not source.startswith("docs/") and (ROOT / source).is_file():
                found.add(source)
    return found


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Set links as the site has them."""
    pages = {file.src_uri for file in files}
    return with_site_links(markdown, page.file.src_uri, pages, config.repo_url or "")


def with_site_links(markdown: str, here: str, pages: Collection[str], code: str) -> str:
    """Return a page with links as the site has them; blocks of code stay as they are.

    Args:
        markdown: the page as the repository has it.
        here: the page of the site.
        pages: all files of the site.
        code: URL of the repository; "" for none.
    """
    sources = {target: source for source, target in ROOT_PAGES.items()}
    place = sources.get(here) or f"docs/{here}"

    def link(found: re.Match[str]) -> str:
        mark, text, target = found.groups()
        path, hash_, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:") or not path:
            return found[0]
        source = posixpath.normpath(posixpath.join(posixpath.dirname(place), path))
        own = source.removeprefix("docs/") if source.startswith("docs/") else FIGURES + source
        inside = ROOT_PAGES.get(source, own)
        if inside in pages:
            there = posixpath.relpath(inside, posixpath.dirname(here) or ".")
            return f"{mark}[{text}]({there}{hash_}{anchor})"
        if not (ROOT / source).exists():
            return found[0]  # of which MkDocs warns
        if code and not mark:
            return f"[{text}]({code.rstrip('/')}/blob/main/{source})"
        return text

    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(link, part) for part in parts)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Have pages load from the site what Material for MkDocs has from elsewhere."""
    ours = posixpath.relpath(SHIM, posixpath.dirname(page.file.dest_uri) or ".")
    return output.replace(SHIM_ELSEWHERE, ours)


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:
    """Do so in the page of what is not found, which may be served at any depth."""
    return output_content.replace(SHIM_ELSEWHERE, f"/{SHIM}")
