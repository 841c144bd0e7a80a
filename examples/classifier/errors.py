"""Everything the classifier refuses, each with what was found and what to do.

ClassifierError
├── DataError      a file or a text that cannot be used
├── ServiceError   the service refused, or did not answer as it should
└── ModelError     a saved classifier that cannot be loaded, or belongs to other vectors
"""


class ClassifierError(Exception):
    """Anything the person at the terminal can mend."""


class DataError(ClassifierError):
    """A file or a text that cannot be used."""


class ServiceError(ClassifierError):
    """The service refused a request, or did not answer as it should.

    Args:
        message: What happened, with the service's own message in it.
        status: HTTP status, 0 where there was no answer.
        code: The service's stable word for it, empty where it sent none.
    """

    def __init__(self, message: str, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class ModelError(ClassifierError):
    """A saved classifier that cannot be loaded, or belongs to other vectors."""
