from training.text import repeated_lines
from training.text.repeated_lines import LEAST_FILES, REPEATED, RepeatedLines


def kept_of(files):
    dropped = []
    repeated = RepeatedLines(lambda *facts: dropped.append(facts))
    kept = [[line for _, line in repeated.kept(enumerate(file, 1)) if line] for file in files]
    return kept, dropped


def test_a_line_of_many_files_is_removed_from_the_next_ones():
    files = [["版权所有", f"第{number}篇"] for number in range(30)]
    kept, dropped = kept_of(files)
    assert kept[:LEAST_FILES] == files[:LEAST_FILES]
    assert kept[LEAST_FILES:] == [[f"第{number}篇"] for number in range(LEAST_FILES, 30)]
    assert dropped == [(REPEATED, "版权所有", 1)] * (30 - LEAST_FILES)


def test_a_line_that_one_file_repeats_stays():
    assert kept_of([["副歌"] * 50])[0] == [["副歌"] * 50]


def test_a_line_of_few_among_many_files_stays():
    files = [["他笑了笑。" if number % 40 == 0 else f"第{number}篇"] for number in range(1000)]
    kept, _ = kept_of(files)
    assert kept == files


def test_the_counts_are_bounded_and_what_is_frequent_stays_counted(monkeypatch):
    monkeypatch.setattr(repeated_lines, "MAX_COUNTS", 50)
    repeated = RepeatedLines(lambda *_: None)
    for number in range(100):
        lines = ["版权所有", *(f"第{number}篇第{line}行" for line in range(20))]
        kept = [line for _, line in repeated.kept(enumerate(lines)) if line]
        assert len(repeated._counts) <= 50
    assert "版权所有" not in kept
    assert len(kept) == 20
