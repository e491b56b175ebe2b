"""The documents: links resolve, examples run, and tables agree with the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import mho
from mho.cli.run_config import resolve
from mho.devices import Device
from mho.rules import Rule

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + DOCS
FENCED = re.compile(r"^(?:(<!-- run -->)\n)?```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def names(documents: list[Path]) -> list[str]:
    return [str(document.relative_to(ROOT)) for document in documents]


def prose(document: Path) -> str:
    """The text without its blocks of code."""
    return FENCED.sub("", document.read_text(encoding="utf-8"))


def anchors(document: Path) -> set[str]:
    """What the headings of a document can be linked by."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(document: Path) -> list[list[str]]:
    """The cells of all tables, row by row."""
    lines = [line for line in prose(document).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_links_resolve(document: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_marked_examples_run(document: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    for marked, language, code in FENCED.findall(document.read_text(encoding="utf-8")):
        if marked:
            assert language == "python"
            exec(compile(code, str(document), "exec"), scope)


def test_the_index_links_every_document() -> None:
    linked = re.findall(r"\]\(([^)#\s]+)\)", prose(ROOT / "docs" / "index.md"))
    missing = {document.name for document in DOCS} - {"index.md"} - set(linked)
    assert not missing


@pytest.mark.parametrize("name", [*Device.types(), *Rule.types(), *mho.presets.names()])
def test_the_index_says_what_exists(name: str) -> None:
    assert f"`{name}`" in prose(ROOT / "docs" / "index.md")


@pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))
def test_named_files_and_tests_exist(document: Path) -> None:
    for path, _, test in re.findall(
        r"`((?:cpp|tests|tools|python)/[\w/.]+\.\w+)(::(\w+))?`", prose(document)
    ):
        if "NAME" in path:
            continue
        assert (ROOT / path).exists(), path
        assert not test or f"\ndef {test}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{test}"


def test_the_table_of_purposes_is_that_of_the_engine() -> None:
    header = (ROOT / "cpp" / "mho" / "random" / "purpose.h").read_text(encoding="utf-8")
    engine = dict(
        re.findall(r"^  (\w+) = (0x[0-9A-F]{4}),$", header.partition("enum class ReadStream")[0], re.M)
    )
    assert len(engine) > 10
    document = ROOT / "docs" / "determinism.md"
    told = {row[0].strip("`"): row[1].strip("`") for row in rows(document) if row[1].startswith("`0x")}
    assert told == engine
    for number in re.findall(
        r"^  \w+ = (0x[0-9A-F]{4}),$", header.partition("enum class ReadStream")[2], re.M
    ):
        assert f"`{number}`" in prose(document)


def test_toml_examples_are_valid(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "file-format.md").read_text(encoding="utf-8")
    examples = [code for _, language, code in FENCED.findall(text) if language == "toml"]
    assert len(examples) == 2
    for code in examples:
        table = tomllib.loads(code)
        if "type" in table:
            Device.from_dict(table)
        else:
            file = tmp_path / "run.toml"
            file.write_text(code, encoding="utf-8")
            resolve({}, file)


def test_the_keys_of_a_run_file_are_told() -> None:
    from mho.cli.run_config import _CHECKS

    told = {row[0].strip("`") for row in rows(ROOT / "docs" / "file-format.md")}
    assert set(_CHECKS) <= told
