import itertools
import lzma

import numpy as np
import pytest

from examples.classifier.errors import DataError
from examples.tasks.sentences import Sentences, Tagged, f1, read_tagged, spans, viterbi


def test_characters_with_tags_are_read_sentence_by_sentence(tmp_path):
    path = tmp_path / "a.char.bmes.xz"
    path.write_bytes(lzma.compress("吴 B-NAME\n重 E-NAME\n\n\n# O\n".encode()))
    assert read_tagged(path) == [
        Tagged(["吴", "重"], ["B-NAME", "E-NAME"]),
        Tagged(["#"], ["O"]),
    ]


@pytest.mark.parametrize("name", ["a.conllu.BMES", "A.CONLLU.Bmes.XZ"])
def test_the_last_suffix_in_any_case_is_the_format(tmp_path, name):
    data = "我 O\n".encode()
    (tmp_path / name).write_bytes(lzma.compress(data) if name.endswith(".XZ") else data)
    assert read_tagged(tmp_path / name) == [Tagged(["我"], ["O"])]


def test_of_conllu_words_and_upos_are_read_and_parts_of_words_are_not(tmp_path):
    path = tmp_path / "a.conllu"
    rows = ["# text = 我们好", "1-2\t我们\t_\t_", "1\t我\t_\tPRON", "2\t们\t_\tPART", ""]
    path.write_text("\n".join([*rows, "1\t好\t_\tADJ"]), encoding="utf-8")
    assert read_tagged(path) == [Tagged(["我", "们"], ["PRON", "PART"]), Tagged(["好"], ["ADJ"])]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.bmes", "好 O\n好\n", r"a\.bmes:2: 1 columns; the tag is in column 2"),
        ("a.txt", "好 O\n", r"must end in \.bmes or \.conllu"),
        ("a.bmes.txt", "好 O\n", r"must end in \.bmes or \.conllu"),
        ("a.bmes.txt.xz", "好 O\n", r"must end in \.bmes or \.conllu"),
        ("a.bmes.xz", "no xz", "cannot be read"),
        ("a.bmes", " O\n", r"a\.bmes:1: the token or its tag is empty"),
        ("a.conllu", "# nothing\n", "has no sentences"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path, name, data, told):
    (tmp_path / name).write_text(data, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        read_tagged(tmp_path / name)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-A M-A E-A O S-B", [(0, 3, "A"), (4, 5, "B")]),
        ("B-A O E-A", []),
        ("B-A E-B", []),
        ("B-A M-B E-A", []),
        ("M-A E-A B-A", []),
        ("B-A B-A E-A", [(1, 3, "A")]),
    ],
)
def test_only_whole_entities_count(tags, expected):
    assert list(spans(tags.split())) == expected


def test_f1_worked_by_hand():
    found = [{(0, 1, "A"), (2, 3, "A")}, set()]
    expected = [{(0, 1, "A")}, {(0, 2, "B")}]
    assert f1(found, expected) == 2 * 1 / (2 + 2)
    assert f1([set()], [set()]) == 0


def test_the_best_path_is_that_of_all_paths_tried_one_by_one():
    random = np.random.default_rng(1)
    for _ in range(50):
        log_p = random.normal(size=(4, 3)).astype(np.float32)
        allowed = np.where(random.random((4, 4)) < 0.7, 0, -np.inf).astype(np.float32)

        def worth(path, log_p=log_p, allowed=allowed):
            steps = itertools.pairwise((3, *path, 3))
            return sum(allowed[a, b] for a, b in steps) + sum(
                log_p[place, tag] for place, tag in enumerate(path)
            )

        best = max(itertools.product(range(3), repeat=4), key=worth)
        if worth(best) > -np.inf:
            assert worth(viterbi(log_p, allowed)) == pytest.approx(worth(best))


@pytest.fixture
def sentences():
    tagged = [
        Tagged(["吴", "重", "好"], ["B", "E", "O"]),
        Tagged(["好"], ["O"]),
        Tagged(["常", "建"], ["B", "E"]),
    ]
    layers = np.arange(6 * 2, dtype=np.float32).reshape(6, 2, 1)
    targets = np.array([0, 1, 2, 2, 0, 1])
    return Sentences(tagged, ["B", "E", "O"], targets, layers, are_entities=False)


def test_some_sentences_keep_their_own_tokens(sentences):
    some = sentences.take(np.array([2, 0]))
    assert [one.tokens for one in some.sentences] == [["常", "建"], ["吴", "重", "好"]]
    assert some.targets.tolist() == [0, 1, 0, 1, 2]
    assert some.layers[:, 0, 0].tolist() == [8, 10, 0, 2, 4]


def test_a_sequence_that_was_never_seen_is_never_chosen(sentences):
    allowed = sentences.transitions()
    seen = {(0, 1), (1, 2), (1, 3), (2, 3), (3, 0), (3, 2)}  # 3 is begin and end
    assert {tuple(map(int, pair)) for pair in np.argwhere(allowed == 0)} == seen
    log_p = np.log(np.array([[0.1, 0.2, 0.7], [0.1, 0.8, 0.1]], np.float32))
    assert viterbi(log_p, allowed).tolist() == [0, 1]  # not O E


def test_the_score_is_the_share_of_right_tags(sentences):
    log_p = np.full((6, 3), -5.0, np.float32)
    log_p[np.arange(6), sentences.targets] = 0
    assert sentences.score(log_p, sentences) == 1
    log_p[3] = [0, -5, -1]
    assert sentences.score(log_p, sentences) == 5 / 6


def test_entities_follow_the_order_of_tags_that_was_seen(sentences):
    tagged = [Tagged(["吴", "重"], ["B-A", "E-A"]), Tagged(["好"], ["O"])]
    entities = Sentences(
        tagged, ["B-A", "E-A", "O"], np.array([0, 1, 2]), sentences.layers[:3], are_entities=True
    )
    log_p = np.full((3, 3), -5.0, np.float32)
    log_p[[0, 1, 2], [0, 1, 2]] = 0
    log_p[0] = [-1, -5, 0]  # O before E-A was not seen
    assert entities.score(log_p, entities) == 1


def test_characters_around_a_token_are_known_with_their_places(sentences):
    features, _ = sentences.characters(sentences)
    assert features.shape[0] == 6
    assert (features.sum(axis=1) == 9).all()  # five places, four pairs
    third, fourth = features[2].toarray()[0], features[3].toarray()[0]  # 好 after 重, 好 alone
    # alike: the character itself, two nothings after it, and their two pairs
    assert np.minimum(third, fourth).sum() == 1 + 2 + 2
