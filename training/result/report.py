"""Say in a few lines what was made and how good it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from biLM.counted import counted

Json = Mapping[str, Any]  # json.loads returns this


def report(figures: Json) -> list[str]:
    """Return the main figures of an evaluation as lines of text."""
    word = figures["fill"]
    lines = [
        f"held-out text{_size(figures)}: {_bits(figures)} bits per character, forward and backward;"
        " with the frequencies of all pieces alone,"
        f" {figures['frequencies_bits_per_character']:.2f}"
    ]
    if "before" in figures:
        lines.append(f"before, the artifact that it started from had {_bits(figures['before'])}")
    if "beside" in figures:
        beside = figures["beside"]
        lines.append(f"on the same text, {beside['id']} has {_bits(beside)}; fewer is better")
    if word["places"]:
        first, among_ten = (word["cloze"][f"accuracy_at_{k}"] for k in (1, 10))
        lines.append(
            f"blanks of one word: the first guess is right in {first:.0%} of {word['places']:,}"
            f" cases, and one of the first ten in {among_ten:.0%}"
        )
    return lines


def commands(artifact: Path) -> list[str]:
    """Return the command that serves an artifact, and one that tries it."""
    return [
        f"serve it: BILM_MODEL={artifact} bilm serve",
        "try it: curl -s 127.0.0.1:8000/fill -H 'content-type: application/json'"
        ' -d \'{"text": "我爱____"}\'',
    ]


def _size(figures: Json) -> str:
    sample = figures.get("sample")
    if not sample:
        return ""
    whole = "" if sample["is_whole"] else "; there was no time for all of the sample"
    return (
        f" (a sample of {sample['characters']:,} characters, drawn from"
        f" {counted(sample['sources'], 'source')}{whole})"
    )


def _bits(figures: Json) -> str:
    """Return the bits of each language, Chinese first, and of all text if that has several."""
    languages = {name: row for name, row in figures["languages"].items() if "," not in name}
    rows = languages if len(languages) == 1 else {**languages, "all": figures["held_out"]["all"]}
    found = []
    for name, row in rows.items():
        both = [f"{row[f'{side}_bits_per_character']:.2f}" for side in ("forward", "backward")]
        found.append(f"{name} {' and '.join(both)}")
    return ", ".join(found)
