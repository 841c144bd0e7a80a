"""Define the errors of training, whose messages say what was found, what is allowed, what to do.

TrainingError
├── CorpusError       a text file that cannot be read
├── TaskError         a file of labelled texts that cannot serve as a task
├── ShardError        a shard folder that is missing, foreign or damaged
├── CheckpointError   a checkpoint that belongs to another run, or is damaged
└── DivergenceError   a gradient that is no longer finite

Only this package's own code raises them. An error of another library is kept as the cause.
"""


class TrainingError(Exception):
    """An error that the caller of `python -m training` can fix."""


class CorpusError(TrainingError):
    """A corpus, or a file it is made from, cannot be read as text."""


class TaskError(TrainingError):
    """A file of labelled texts lacks a column, or has labels that cannot be learned."""


class ShardError(TrainingError):
    """A shard folder is missing, comes from another version or does not match its manifest."""


class CheckpointError(TrainingError):
    """A checkpoint is damaged, or a run of a different recipe wrote it."""


class DivergenceError(TrainingError):
    """The gradient became infinite or NaN."""
