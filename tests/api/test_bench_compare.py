"""The report of the side-by-side comparison, from made-up rows: each SIMD level has its own place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("bench_on_the_path")

ROOT = Path(__file__).parents[2]


def report(level: str) -> dict[str, Any]:
    """Return a report of one row that was met and one that was not."""
    row = {
        "work": "sparse update",
        "threads": 1,
        "unit": "ns",
        "other": "aihwkit",
        "incumbent": {"median": 6.0, "low": 5.7, "high": 6.3},
        "mho": {"median": 1.0, "low": 0.9, "high": 1.1},
        "ratio": 6.0,
        "asked": {"what": "ratio", "relation": ">=", "value": 5.0, "met": True},
    }
    missed = row | {"work": "dense update", "asked": {**row["asked"], "value": 7.0, "met": False}}
    return {
        "environment": {
            "date": "2026-11-02T10:00:00+00:00",
            "versions": {"mho": "1.2.3", "aihwkit": "1.2.0", "torch": "2.13.0"},
            "build": {"compiler": "gcc 12", "simd_level": level},
            "cpu": "some processor",
            "cores": 2,
            "load_average": [0.5, 0.4, 0.3],
            "git": {"revision": "0123456789abcdef", "changed": False},
        },
        "settings": {"clock": "wall"},
        "rows": [row, missed],
    }


def test_a_table_says_what_was_met() -> None:
    from compare.report import markdown

    title, empty, _, _, met, missed = markdown(report("v3")).splitlines()
    assert "mho 1.2.3 (0123456789ab, gcc 12, SIMD level v3)" in title
    assert title.endswith("2026-11-02.")
    assert empty == ""
    assert met == "| sparse update | 1 | ns | 6 ±5% | 1 ±10% | 6× | ≥ 5× | yes |"
    assert missed == "| dense update | 1 | ns | 6 ±5% | 1 ±10% | 6× | ≥ 7× | no |"


def test_each_level_has_its_own_place(tmp_path: Path) -> None:
    from compare.report import markdown, markers, update_document

    places = {level: markers(level) for level in ("v3", "v4")}
    document = tmp_path / "performance.md"
    document.write_text("\n".join(f"{begin}\nold {level}\n{end}" for level, (begin, end) in places.items()))
    update_document(document, markdown(report("v3")), *places["v3"])
    text = document.read_text(encoding="utf-8")
    assert "old v3" not in text
    assert "SIMD level v3" in text.partition(places["v4"][0])[0]
    assert text.endswith("old v4\n" + places["v4"][1])
    with pytest.raises(ValueError, match="must have the lines <!-- compare_aihwkit v2: begin -->"):
        update_document(document, markdown(report("v2")), *markers("v2"))
    assert document.read_text(encoding="utf-8") == text


def test_the_document_has_a_place_for_machines_with_and_without_avx512() -> None:
    from compare.report import markers

    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    for level in ("v3", "v4"):
        begin, end = markers(level)
        assert text.count(begin) == text.count(end) == 1
        assert f"SIMD level {level})" in text.partition(begin)[2].partition(end)[0]
