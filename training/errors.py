"""Everything training refuses, each with what was found, what is allowed and what to do.

TrainingError
├── CorpusError       a text file that cannot be read
├── TaskError         a file of labelled texts that is no task
├── ShardError        a shard folder that is missing, foreign or damaged
├── CheckpointError   a checkpoint that belongs to another run, or is damaged
└── DivergenceError   a gradient that is no longer a number

Raised by this package's own code; a foreign error is its cause and is never lost.
"""


class TrainingError(Exception):
    """Anything the caller of `python -m training` can mend."""


class CorpusError(TrainingError):
    """A corpus file cannot be read as the text it should be."""


class TaskError(TrainingError):
    """A file of labelled texts lacks a column, or has labels that cannot be learned."""


class ShardError(TrainingError):
    """A shard folder is missing, comes from another version or does not match its manifest."""


class CheckpointError(TrainingError):
    """A checkpoint is damaged or was written by a different recipe."""


class DivergenceError(TrainingError):
    """The gradient became infinite or not a number."""
