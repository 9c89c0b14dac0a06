"""The site is made without a warning, every link in it leads somewhere, and nothing that is public is missing."""

from __future__ import annotations

import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import tocsin
from tocsin.cli._verbs import VERBS

ROOT = Path(__file__).parents[2]

# The build is a quarter of a minute of one processor, which a busy machine may take many times as long for.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make docs` runs, into a directory of its own."""
    made = tmp_path_factory.mktemp("site")
    (line,) = [line for line in (ROOT / "Makefile").read_text().splitlines() if "-m sphinx" in line]
    words = line.split("-m sphinx", 1)[1].replace("build/docs", str(made)).split()
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return made / "html"


class Page(HTMLParser):
    """Where a page leads, and what in it can be led to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.pictures: list[dict[str, str | None]] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.ids |= {value for key in ("id", "name") if (value := found.get(key))}
        self.targets += [value for key in ("href", "src") if (value := found.get(key))]
        self.loads += [found.get("src") or found.get("href") or ""] if tag in ("img", "link", "script") else []
        if tag == "img":
            self.pictures.append(found)


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path.resolve(): Page(path) for path in site.rglob("*.html")}


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    looked = 0
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or target == "#":
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert there.is_relative_to(site.resolve()), f"{path.name}: {target} leads out of the site"
            assert there.is_file(), f"{path.name}: {target} is not there"
            if parts.fragment and there in pages and not parts.query:
                assert unquote(parts.fragment) in pages[there].ids, f"{path.name}: {target}: no such place on the page"
            looked += 1
    assert looked > 1000


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Page]) -> None:
    """A site that is read where there is no network. What it leads to elsewhere is https."""
    assert sum(len(page.loads) for page in pages.values()) > len(pages)
    for path, page in pages.items():
        assert not [target for target in page.loads if urlsplit(target).netloc], path
        assert {urlsplit(target).scheme for target in page.targets if urlsplit(target).netloc} <= {"https"}, path


def test_pictures_have_words(pages: dict[Path, Page]) -> None:
    shown = [picture for page in pages.values() for picture in page.pictures]
    assert shown
    assert all(picture.get("alt") for picture in shown)


def test_the_front_page_leads_to_the_documents(site: Path, pages: dict[Path, Page]) -> None:
    assert "docs/README.html" in pages[(site / "index.html").resolve()].targets


def objects(site: Path) -> set[str]:
    """The names that the reference explains, from the inventory that Sphinx makes for others."""
    data = (site / "objects.inv").read_bytes()
    head = data.split(b"\n", 4)
    return {line.split()[0] for line in zlib.decompress(head[4]).decode().splitlines()}


def test_the_reference_has_every_public_name(site: Path) -> None:
    found = objects(site)
    assert not {f"tocsin.{name}" for name in tocsin.__all__} - found
    for method in ("Event.wait", "Event.isSet", "Queue.get", "Signal.signal", "DataEvent.fileno", "Lock.acquire"):
        assert f"tocsin.{method}" in found, f"{method}, which is compiled"


def test_the_reference_has_every_verb(site: Path, pages: dict[Path, Page]) -> None:
    page = pages[(site / "docs/reference/help.html").resolve()]
    assert {f"tocsin-{verb.name}" for verb in VERBS if not verb.hidden} <= page.ids
    assert {"evt-set", "evt-clear", "evt-wait"} <= page.ids
    assert "seconds to wait for room" in (site / "docs/reference/help.html").read_text()
