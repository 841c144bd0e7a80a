"""Train a sentencepiece unigram model none of whose pieces crosses a word boundary.

It reads texts by the rule of `normaliser`, and so does the segmenter, which knows Simplified words.

The word segmenter is needed only here. At run time the unigram model alone cuts the text, but it
can choose only among pieces that were inside a word in training: 苹果手机 has no piece of its own,
so the 苹果 in it keeps a vector of its own.
"""

import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from multiprocessing import Pool
from pathlib import Path

import sentencepiece

from biLM.files import write_atomically

from ..errors import TrainingError
from .corpus import read_documents
from .normaliser import normalised, with_normaliser

# sentencepiece needs the boundaries inside the text. This private-use character survives NFKC and
# occurs in no text.
WORD_BOUNDARY = "\ue000"
# A shorter part of a longer word is an affix, not a word.
MIN_WORD_CHARACTERS = 2
DOCUMENTS_PER_TASK = 2000


@dataclass(frozen=True)
class VocabularyConfig:
    """Settings of the vocabulary: its size and the text it is trained on.

    Args:
        num_pieces: Size of the vocabulary, including the 256 byte pieces and 3 special pieces.
        max_sample_characters: Largest number of characters (code points) to sample for training.
        character_coverage: Share of the sample's characters that get a piece; the rest is bytes.
        max_piece_characters: Length of the longest piece, in characters.
        is_limit: Whether to make fewer pieces if the text allows no more, instead of refusing it.
        num_workers: Number of processes that segment words.
        seed: Seed of the sample.
    """

    num_pieces: int = 16_000
    max_sample_characters: int = 20_000_000
    character_coverage: float = 0.9995
    max_piece_characters: int = 8
    is_limit: bool = False
    num_workers: int = 2
    seed: int = 1


def train_vocabulary(files: Sequence[Path], out: Path, config: VocabularyConfig) -> None:
    """Write a sentencepiece model trained on a sample of `files` to `out`.

    Raises:
        TrainingError: there is no text, or the text does not allow the requested number of pieces.
    """
    if not files:
        raise TrainingError("no training text; run `bilm train corpus` first")
    _as_read("")  # loads what the workers share before they are forked: dictionary and normaliser
    _frequencies()  # an empty text does not load the dictionary, which takes seconds
    model = BytesIO()
    try:
        with Pool(config.num_workers) as pool:
            sample = _sample(files, config)
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=pool.imap(_as_read, sample, chunksize=DOCUMENTS_PER_TASK),
                model_writer=model,
                model_type="unigram",
                vocab_size=config.num_pieces,
                hard_vocab_limit=not config.is_limit,
                character_coverage=config.character_coverage,
                max_sentencepiece_length=config.max_piece_characters,
                max_sentence_length=1 << 20,
                pretokenization_delimiter=WORD_BOUNDARY,
                byte_fallback=True,
                add_dummy_prefix=False,
                remove_extra_whitespaces=False,
                num_threads=config.num_workers,
                minloglevel=1,
            )
    except RuntimeError as error:
        raise TrainingError(
            f"no vocabulary of {config.num_pieces} pieces can be made of this text ({error});"
            " ask for another number with --num-pieces, or give more text"
        ) from error
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, with_normaliser(model.getvalue()))


def _as_read(text: str) -> str:
    """Return a text as a model reads it, with its words marked."""
    return mark_words(normalised(text))


def mark_words(text: str) -> str:
    """Mark the boundaries between the words of a text; a space joins the Latin word after it."""
    words: list[str] = []
    import jieba  # takes longer to import than anything else here

    for word in jieba.cut(text.replace(WORD_BOUNDARY, "")):
        if words and words[-1] == " " and word.isascii() and word.isalnum():
            words[-1] += word
        else:
            words.extend(shortest_words(word))
    return WORD_BOUNDARY.join(words)


@cache
def shortest_words(word: str) -> tuple[str, ...]:
    """Cut a dictionary compound into the words it contains.

    苹果公司 -> 苹果, 公司; 苹果树 -> 苹果, 树. A dictionary lists compounds beside their parts.
    As one piece, a compound would hide the word inside it. Once compounds are cut, every occurrence
    of 苹果 reaches the model as the same piece.
    """
    best, best_cut = 0, 0
    for cut in range(1, len(word)):
        parts = [part for part in (word[:cut], word[cut:]) if len(part) >= MIN_WORD_CHARACTERS]
        found = max((_frequencies().get(part, 0) for part in parts), default=0)
        if found > best:
            best, best_cut = found, cut
    if not best or word.isascii():
        return (word,)
    return shortest_words(word[:best_cut]) + shortest_words(word[best_cut:])


@cache
def _frequencies() -> dict[str, int]:
    """Return the segmenter's dictionary: words, and prefixes of words with frequency 0."""
    import jieba

    logging.getLogger("jieba").setLevel(logging.WARNING)
    jieba.initialize()
    frequencies: dict[str, int] = jieba.dt.FREQ
    return frequencies


def _sample(files: Sequence[Path], config: VocabularyConfig) -> Iterator[str]:
    """Yield documents, with the files in a random order, until the sample is full."""
    order = list(files)
    random.Random(config.seed).shuffle(order)
    left = config.max_sample_characters
    for path in order:
        for text in read_documents(path):
            if left <= 0:
                return
            left -= len(text)
            yield text
