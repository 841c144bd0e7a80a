"""The static vectors are means of what the encoder returns, and gensim finds them."""

import sys

import numpy as np
import pytest

from biLM import Encoder, Readout

pytestmark = [
    pytest.mark.frameworks,
    # What other people's packages warn of is not for this suite to judge.
    pytest.mark.filterwarnings("default"),
]
LINES = (
    "我 吃 了 一个 苹果 ， 我 在 用 苹果 手机",
    "我 在 医院 打电话",
    "",
    "\u200b \u200b \u200b \u200b \u200b The quick fox",
    "quick 我",
)
SENTENCES = [line.split() for line in LINES]


@pytest.fixture(scope="module")
def gensim():
    return pytest.importorskip("gensim")


@pytest.fixture(scope="module")
def module(gensim):
    from examples.frameworks import gensim_vectors

    return gensim_vectors


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\n".join(LINES), "utf-8")
    return str(path)


def occurrences(encoder, word, layer):
    """Return the centred vectors of a word in the order of the file, each sentence read alone."""
    readout = Readout((layer,), center=True)
    found = []
    for sentence in SENTENCES:
        ((rows,),) = encoder.embed([encoder.words(sentence)], [readout])
        found += [row for row, other in zip(rows, sentence, strict=True) if other == word]
    return found


@pytest.mark.parametrize("layer", ["context", 0, 1, 2])
def test_a_vector_is_the_mean_over_the_occurrences(module, encoder, path, layer):
    vectors = module.static_vectors(encoder, path, 100, layer)
    assert set(vectors.index_to_key) == {w for s in SENTENCES for w in s} - {"\u200b"}
    for word in vectors.index_to_key:
        mean = np.mean(occurrences(encoder, word, layer), axis=0)[: vectors.vector_size]
        np.testing.assert_allclose(vectors[word], mean, rtol=0, atol=1e-5)


def test_only_the_first_occurrences_are_read(module, encoder, path, monkeypatch):
    monkeypatch.setattr(module, "SENTENCES_AT_ONCE", 1)
    vectors = module.static_vectors(encoder, path, 100, 1, max_occurrences=2)
    for word in (
        "我",
        "quick",
    ):  # twice in the first sentence; and in two, the last of which is read
        first = np.mean(occurrences(encoder, word, 1)[:2], axis=0)
        np.testing.assert_allclose(vectors[word], first, rtol=0, atol=1e-5)


def test_the_most_frequent_words_come_first_with_their_counts(module, encoder, path):
    vectors = module.static_vectors(encoder, path, 5)
    counts = [vectors.get_vecattr(word, "count") for word in vectors.index_to_key]
    # U+200B is the most frequent of the five. It has no pieces and so no vector.
    assert (vectors.index_to_key[0], counts) == ("我", [4, 2, 2, 2])
    assert set(vectors.index_to_key[1:]) == {"苹果", "在", "quick"}


def test_layers_that_repeat_an_embedding_are_written_once(module, path):
    encoder = Encoder.load("zh-small")
    for layer in module.REPEATED:
        whole = np.mean(occurrences(encoder, "苹果", layer), axis=0)
        once = module.static_vectors(encoder, path, 100, layer)["苹果"]
        np.testing.assert_allclose(np.tile(once, 4), whole, rtol=0, atol=1e-5)


def test_the_command_writes_what_gensim_reads(
    module, gensim, encoder, artifact_folder, path, tmp_path, monkeypatch, capsys
):
    out = str(tmp_path / "words.kv")
    given = [path, out, "--artifact", str(artifact_folder), "--layer", "2", "--words", "3"]
    monkeypatch.setattr(sys, "argv", ["gensim_vectors", *given, "--occurrences", "1"])
    module.main()
    assert "2 words of 24 values" in capsys.readouterr().out
    loaded = gensim.models.KeyedVectors.load(out)
    expected = module.static_vectors(encoder, path, 3, 2, 1)
    assert loaded.index_to_key == expected.index_to_key
    np.testing.assert_array_equal(loaded.vectors, expected.vectors)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"num_words": 0}, "num_words=0 .* at least 1"),
        ({"num_words": 1, "max_occurrences": 0}, "max_occurrences=0; give numbers of at least 1"),
        ({"num_words": 1, "layer": "contxt"}, r"is 'contxt'; give one of \(0, 1, 2, 'context'\)"),
        ({"num_words": 1, "layer": 3}, r"the layer is 3; give one of \(0, 1"),
    ],
)
def test_what_gives_no_vectors_is_refused(module, encoder, path, given, refusal):
    with pytest.raises(ValueError, match=refusal):
        module.static_vectors(encoder, path, **given)


def test_the_example_in_the_docstring_runs(module, run_example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    vectors = run_example(module)["vectors"]
    assert vectors["爱"].shape == (256,)
    assert vectors.most_similar("苹果", topn=1)[0][0] == "香蕉"
    assert (tmp_path / "words.kv").exists()
