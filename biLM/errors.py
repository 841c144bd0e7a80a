"""Define the errors of biLM. Each message says what was found, what is allowed and what to do.

BiLMError
├── ConfigError     the sizes or settings cannot make a model
├── SentenceError   what is given as sentences has no words, or no texts and spans
├── TextError       a text cannot be read: it contains a lone surrogate, or is not a str
│   └── TextTooLongError       a text has more pieces than its caller allows
├── IdError         a piece id is outside the vocabulary, or of a piece that no text has
├── BlankError      a text to fill has no blank, or several
├── SearchError     a number of pieces, beams or draws, or a temperature, is out of range
├── SpanError       a span is empty, reversed or outside its text
├── LayerError      the model does not have the layer
├── MixError        a mix does not fit the model, or its name is unknown
├── PrecisionError  this processor has no units for the precision
├── SourceError     a file of texts, or a text in it, cannot be used; names file and line or row
├── BulkError       vectors cannot be written, because of the folder, the disk or their size
├── SelfTestError   vectors differ from the golden vectors of the artifact
└── ArtifactError   a folder cannot be loaded
    ├── MissingFileError       a file of the format is missing
    ├── ForeignVersionError    another version of the format wrote the folder
    ├── ChecksumError          a file is not the one that was written
    └── DamagedFileError       a file does not have the content that it should have

The code of this package raises these errors. If an error of a library led to one, it is kept as the
cause.
"""


class BiLMError(Exception):
    """An error that a caller of biLM can correct."""


class ConfigError(BiLMError):
    """The sizes or settings cannot make a model."""


class SentenceError(BiLMError):
    """What is given as sentences is not lists of words, or not texts with spans."""


class TextError(BiLMError):
    """A text cannot be read: it is not a str, has a lone surrogate, or is too long."""


class TextTooLongError(TextError):
    """A text has more pieces than its caller allows.

    Args:
        at_least: How many pieces it has at least; cutting stopped there.
        limit: How many are allowed.
    """

    def __init__(self, at_least: int, limit: int) -> None:
        super().__init__(f"the text has at least {at_least} pieces; the limit is {limit}")
        self.at_least = at_least
        self.limit = limit


class IdError(BiLMError):
    """A piece id is outside the vocabulary, or the model was never trained on its piece."""


class BlankError(BiLMError):
    """A text to fill does not have exactly one blank."""


class SearchError(BiLMError):
    """A search is impossible with this number of pieces, beams or draws, or this temperature."""


class SpanError(BiLMError):
    """A span is empty, reversed or outside its text."""


class LayerError(BiLMError):
    """The model does not have the layer."""


class MixError(BiLMError):
    """A mix does not fit the model, or no mix has the name."""


class PrecisionError(BiLMError):
    """This processor has no units for the precision."""


class SourceError(BiLMError):
    """A file of texts cannot be read as its format demands, or one of its texts is refused."""


class BulkError(BiLMError):
    """A bulk run cannot continue: its folder contains other vectors, or cannot be written to."""


class SelfTestError(BiLMError):
    """This machine does not reproduce the artifact's golden vectors."""


class ArtifactError(BiLMError):
    """An artifact folder cannot be loaded, or cannot be replaced."""


class MissingFileError(ArtifactError):
    """A file of the format is missing from the folder."""


class ForeignVersionError(ArtifactError):
    """The folder was written by another version of the format."""


class ChecksumError(ArtifactError):
    """A file is not the one that was written: its sha256 differs."""


class DamagedFileError(ArtifactError):
    """A file does not have the content that it should have."""
