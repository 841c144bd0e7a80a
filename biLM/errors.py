"""Everything biLM refuses, each with what was found, what is allowed and what to do.

BiLMError
├── ConfigError     sizes or weights that cannot make a model or a mix
├── TextError       a text that has no pieces by definition: lone surrogates
├── BlankError      a text to fill that has no blank, or several
├── SearchError     a search with no beam, or with too many; a temperature of nothing
├── SpanError       a span that is empty, reversed or outside its text
├── LayerError      a layer the model does not have
├── MixError        a mix of the wrong length, or by an unknown name
├── PrecisionError  numbers that this processor does not multiply
├── SourceError     a file of texts that cannot be read as such, by file and line or row
├── BulkError       vectors that cannot be written: the folder, the disk, their size
├── SelfTestError   vectors that are not the ones the artifact promises
└── ArtifactError   a folder that cannot be loaded
    ├── MissingFileError       a file of the format is not there
    ├── ForeignVersionError    written by another version of the format
    ├── ChecksumError          a file is not the one that was written
    └── DamagedFileError       a file that cannot be read as what it should be

Raised by this package's own code; a foreign error is its cause and is never lost.
"""


class BiLMError(Exception):
    """Anything a caller of biLM can mend."""


class ConfigError(BiLMError):
    """Sizes that cannot make a model."""


class TextError(BiLMError):
    """A text that is not a sequence of Unicode scalar values."""


class BlankError(BiLMError):
    """A text to fill that has not exactly one blank."""


class SearchError(BiLMError):
    """A search that cannot be made: a number of pieces, beams or draws, or a temperature."""


class SpanError(BiLMError):
    """A span that is empty, reversed or outside its text."""


class LayerError(BiLMError):
    """A layer the model does not have."""


class MixError(BiLMError):
    """A mix that does not fit the model, or a name nobody registered."""


class PrecisionError(BiLMError):
    """Numbers that this processor does not multiply."""


class SourceError(BiLMError):
    """A file of texts that cannot be read as what it should be, or a text that is refused."""


class BulkError(BiLMError):
    """A bulk run that cannot go on: its folder holds another's output, or takes no more."""


class SelfTestError(BiLMError):
    """This machine does not reproduce the artifact's golden vectors."""


class ArtifactError(BiLMError):
    """An artifact folder that cannot be loaded."""


class MissingFileError(ArtifactError):
    """A file of the format is not in the folder."""


class ForeignVersionError(ArtifactError):
    """The folder was written by another version of the format."""


class ChecksumError(ArtifactError):
    """A file is not the one that was written: its sha256 differs."""


class DamagedFileError(ArtifactError):
    """A file cannot be read as what it should be."""
