"""The errors of the classifier; each message says what was found and what to do.

Refusals of the service are raised by bilm_client.

ClassifierError
├── DataError   a file or a text that cannot be used
├── ModelError  a saved classifier that cannot be loaded, or belongs to other vectors
└── WriteError  a file that cannot be written
"""


class ClassifierError(Exception):
    """The base class of errors that the person at the terminal can fix."""


class DataError(ClassifierError):
    """A file or a text that cannot be used."""


class ModelError(ClassifierError):
    """A saved classifier that cannot be loaded, or belongs to other vectors."""


class WriteError(ClassifierError):
    """A file that cannot be written."""
