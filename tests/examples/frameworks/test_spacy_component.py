"""The vectors of the spaCy component are those of the encoder."""

import numpy as np
import pytest

from biLM import Encoder, Readout

pytestmark = [
    pytest.mark.frameworks,
    # What other people's packages warn of is not for this suite to judge.
    pytest.mark.filterwarnings("default"),
]
# A piece may contain several tokens or a character that vanishes; several pieces may make a token.
TEXTS = (
    "我在用苹果手机打电话给家里人。",
    "The quick  brown 𝔣ox\n\n2019年",
    "苹\u200b果\u200b ",
    "他 ①ﬁ",
    "",
)


@pytest.fixture(scope="module")
def spacy():
    return pytest.importorskip("spacy")


@pytest.fixture(scope="module")
def component(spacy):
    from examples.frameworks import spacy_component

    return spacy_component


@pytest.fixture
def nlp(spacy, component, artifact_folder):
    nlp = spacy.blank("zh")
    nlp.add_pipe("bilm", config={"artifact": str(artifact_folder), "mix": "top", "center": True})
    return nlp


@pytest.fixture
def readout(encoder):
    return Readout(encoder.mix("top"), center=True)


def of_encoder(encoder, readout, text, spans):
    return encoder.embed([encoder.spans(text, spans)], [readout])[0]


def close(found, expected):
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("text", TEXTS)
def test_a_token_has_the_vector_of_its_characters(nlp, encoder, readout, text):
    doc = nlp(text)
    spans = [[token.idx, token.idx + len(token)] for token in doc]
    close(doc.tensor, of_encoder(encoder, readout, text, spans))
    for token, row in zip(doc, doc.tensor, strict=True):
        close(token._.bilm, row)
        close(token.vector, row)


@pytest.mark.parametrize("text", TEXTS)
def test_a_span_has_the_vector_of_its_characters(nlp, encoder, readout, text):
    doc = nlp(text)
    spans = [doc[i:j] for i in range(len(doc)) for j in range(i + 1, len(doc) + 1)]
    places = [[span.start_char, span.end_char] for span in spans]
    expected = of_encoder(encoder, readout, text, places)
    for span, row in zip(spans, expected, strict=True):
        close(span._.bilm, row)
    (whole,) = encoder.embed([encoder.text(text)], [readout])
    close(doc._.bilm, whole[0])


def test_the_offsets_of_a_merged_token_lead_to_its_pieces(nlp, encoder, readout):
    doc = nlp(TEXTS[0])
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[3:5])
    assert doc[3].text == "苹果"
    close(doc[3]._.bilm, of_encoder(encoder, readout, TEXTS[0], [[3, 5]])[0])
    close(doc[5:7]._.bilm, of_encoder(encoder, readout, TEXTS[0], [[6, 8]])[0])


def test_a_token_without_pieces_is_zero(nlp):
    doc = nlp("苹\u200b果")
    assert [token.text for token in doc] == ["苹", "\u200b", "果"]
    assert not doc.tensor[1].any()
    assert doc.tensor[[0, 2]].any(axis=1).all()
    assert nlp("").tensor.shape == (0, doc.tensor.shape[1])
    assert not nlp("")._.bilm.any()


def test_texts_of_a_batch_have_the_vectors_they_have_alone(nlp):
    for doc, text in zip(nlp.pipe(TEXTS, batch_size=2), TEXTS, strict=True):
        assert doc.text == text
        close(doc.tensor, nlp(text).tensor)


def test_a_saved_doc_and_a_saved_pipeline_give_the_same_vectors(spacy, nlp, tmp_path):
    doc = nlp(TEXTS[0])
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")(TEXTS[0])
    read = spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes())
    for other in (again, read):
        close(other.tensor, doc.tensor)
        close(other[3:5]._.bilm, doc[3:5]._.bilm)


def test_a_text_that_was_not_read_is_refused(spacy, component):
    doc = spacy.blank("zh")("苹果")
    with pytest.raises(ValueError, match=r"the text of 2 tokens has no .* call nlp\.add_pipe"):
        _ = doc[0]._.bilm


def test_the_example_in_the_docstring_runs(component, run_example):
    doc = run_example(component)["doc"]
    assert doc.tensor.shape == (10, 1024)
    encoder = Encoder.load("zh-small")
    readout = Readout(encoder.mix("default"), center=True)
    close(doc[2:4]._.bilm, of_encoder(encoder, readout, doc.text, [[2, 4]])[0])
