"""The vectors in Flair's tokens are those of the encoder, and a tagger learns their mix."""

import pytest
import torch

from biLM import Encoder, Readout
from biLM.network.scalar_mix import ScalarMix

pytestmark = [
    pytest.mark.frameworks,
    # What other people's packages warn of is not for this suite to judge.
    pytest.mark.filterwarnings("default"),
]
SENTENCES = (
    ["我", "在", "用", "苹果", "手机", "打电话"],
    ["The", "quick", "fox", ",", "2019年"],
    ["苹", "\u200b", "果"],
)
MEAN = ScalarMix((1 / 3, 1 / 3, 1 / 3))


@pytest.fixture(scope="module")
def flair():
    return pytest.importorskip("flair")


@pytest.fixture(scope="module")
def module(flair):
    from examples.frameworks import flair_embeddings

    return flair_embeddings


@pytest.fixture
def embeddings(module, artifact_folder):
    return module.BiLMEmbeddings(str(artifact_folder))


@pytest.fixture
def sentences(flair):
    return [flair.data.Sentence(words) for words in SENTENCES]


@pytest.fixture
def tagger(flair, embeddings, sentences):
    """Return a tagger that has learned from a few steps, so that its mix is no longer the mean."""
    for token in (token for sentence in sentences for token in sentence):
        token.set_label("pos", "X" if len(token.text) > 1 else "Y")
    tags = flair.data.Dictionary(add_unk=False)
    for tag in "XY":
        tags.add_item(tag)
    tagger = flair.models.SequenceTagger(embeddings, tags, "pos", use_rnn=False, use_crf=False)
    optimizer = torch.optim.SGD(tagger.parameters(), lr=1.0)
    for _ in range(3):
        optimizer.zero_grad()
        tagger.forward_loss(sentences)[0].backward()
        optimizer.step()
        for sentence in sentences:
            sentence.clear_embeddings()
    return tagger.eval()


def of_encoder(encoder, words, mix=MEAN, center=False):
    (vectors,) = encoder.embed([encoder.words(words)], [Readout(mix, center=center)])
    return torch.from_numpy(vectors)


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def vectors_of(sentence):
    return torch.stack([token.embedding.detach().cpu() for token in sentence])


def test_a_token_has_the_vector_of_its_word(embeddings, encoder, sentences):
    embeddings.embed(sentences)
    for sentence, words in zip(sentences, SENTENCES, strict=True):
        assert [token.text for token in sentence] == words
        close(vectors_of(sentence), of_encoder(encoder, words))
        assert sentence[0].embedding.shape == (embeddings.embedding_length,)


def test_a_token_without_pieces_is_zero(embeddings, sentences):
    embeddings.embed(sentences)
    assert [bool(token.embedding.any()) for token in sentences[2]] == [True, False, True]


def test_two_embeddings_stand_beside_each_other(
    flair, module, embeddings, encoder, artifact_folder, sentences
):
    centred = module.BiLMEmbeddings(str(artifact_folder), center=True)
    flair.embeddings.StackedEmbeddings([embeddings, centred]).embed(sentences)
    each = [of_encoder(encoder, SENTENCES[0], center=center) for center in (False, True)]
    close(vectors_of(sentences[0]), torch.cat(each, dim=1))


def test_what_a_tagger_learned_is_served_by_name(tagger, artifact_folder, sentences, tmp_path):
    tagger.embeddings.elmo.write_mixes(tmp_path / "mixes.json", "learned")
    encoder = Encoder.load(artifact_folder, mixes=tmp_path / "mixes.json")
    tagger.embeddings.embed(sentences)
    for sentence, words in zip(sentences, SENTENCES, strict=True):
        close(vectors_of(sentence), of_encoder(encoder, words, encoder.mix("learned")))
    apart = vectors_of(sentences[0]) - of_encoder(encoder, SENTENCES[0])
    assert apart.abs().max() > 0.01


@torch.no_grad()
def test_vectors_that_flair_kept_follow_the_mix(embeddings, encoder, sentences):
    embeddings.embed(sentences)
    embeddings.elmo.mixes[0].gamma.mul_(2)
    embeddings.embed(sentences)
    close(vectors_of(sentences[0]), 2 * of_encoder(encoder, SENTENCES[0]))


def test_the_bilm_is_trained_when_asked(module, encoder, artifact_folder, sentences):
    for is_trained in (False, True):
        embeddings = module.BiLMEmbeddings(str(artifact_folder), requires_grad=is_trained)
        embeddings.train()
        embeddings.embed(sentences)
        sum(token.embedding.sum() for token in sentences[0]).backward()
        assert embeddings.elmo.mixes[0].w.grad.any()
        assert (embeddings.elmo.bilm.embedding.weight.grad is not None) == is_trained
        for sentence in sentences:
            sentence.clear_embeddings()


def test_a_saved_tagger_has_the_mix_that_was_learned(flair, tagger, sentences, tmp_path):
    tagger.embeddings.embed(sentences)
    tagger.save(tmp_path / "tagger.pt")
    loaded = flair.models.SequenceTagger.load(tmp_path / "tagger.pt")
    for sentence, words in zip(sentences, SENTENCES, strict=True):
        fresh = flair.data.Sentence(words)
        loaded.embeddings.embed(fresh)
        close(vectors_of(fresh), vectors_of(sentence))


def test_the_example_in_the_docstring_runs(module, run_example):
    sentence = run_example(module)["sentence"]
    words = [token.text for token in sentence]
    close(vectors_of(sentence), of_encoder(Encoder.load("zh-small"), words))
