"""Everything the classifier refuses, each with what was found and what to do.

What the service refuses is told by bilm_client.

ClassifierError
├── DataError   a file or a text that cannot be used
├── ModelError  a saved classifier that cannot be loaded, or belongs to other vectors
└── WriteError  a file that cannot be written
"""


class ClassifierError(Exception):
    """Anything the person at the terminal can mend."""


class DataError(ClassifierError):
    """A file or a text that cannot be used."""


class ModelError(ClassifierError):
    """A saved classifier that cannot be loaded, or belongs to other vectors."""


class WriteError(ClassifierError):
    """A file that cannot be written."""
