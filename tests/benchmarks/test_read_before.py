"""What share of a task's texts stands in a corpus, worked by hand."""

import lzma

from benchmarks.read_before import shares, texts_of

LETTERS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"


def test_a_text_may_stand_in_the_corpus_whole_or_in_part():
    """Of the first task one text is there, one half of it, one not; of the second one short one."""
    tasks = {
        "one, train": [LETTERS, LETTERS[:14] + "天地玄黄", "宇宙洪荒日月盈昃辰宿列张寒来"],
        "other, test": ["苹果！", "果"],
    }
    corpus = ["前言，" + LETTERS[:10] + "，" + LETTERS[10:] + "。", "苹果", "有苹果"]
    assert shares(tasks, corpus) == {"one, train": (1 / 3, 2 / 3), "other, test": (0.5, 0.5)}


def test_texts_are_read_from_columns_and_from_tokens(tmp_path):
    table = tmp_path / "train.tsv.xz"
    table.write_bytes(lzma.compress("书籍\t1\t好看\n水果\t0\t不甜\n".encode()))
    assert list(texts_of(table, 2)) == ["好看", "不甜"]
    tags = tmp_path / "train.char.bmes.xz"
    tags.write_bytes(lzma.compress("高 B-NAME\n勇 E-NAME\n\n他 O\n".encode()))
    assert list(texts_of(tags, None)) == ["高勇", "他"]
    trees = tmp_path / "dev.conllu.xz"
    trees.write_bytes(lzma.compress("# text = 同样\n1\t同样\tADV\n2\t，\tPUNCT\n".encode()))
    assert list(texts_of(trees, None)) == ["同样，"]
