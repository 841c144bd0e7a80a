"""Every refusal of the service: one table of codes, one body.

ServiceError
├── RequestError     a request that gets no answer; the table says with which status
└── SettingsError    a setting with which the service will not start
"""

from dataclasses import asdict, dataclass
from types import MappingProxyType

STATUS_OF = MappingProxyType(
    {
        "invalid_json": 400,
        "invalid_unicode": 400,
        "invalid_api_key": 401,
        "not_found": 404,
        "method_not_allowed": 405,
        "not_acceptable": 406,
        "body_too_large": 413,
        "too_many_texts": 413,
        "too_many_pieces": 413,
        "response_too_large": 413,
        "unsupported_media_type": 415,
        "validation_error": 422,
        "text_too_long": 422,
        "bad_span": 422,
        "unknown_mix": 422,
        "unknown_layer": 422,
        "overloaded": 429,
        "internal": 500,
        "nonfinite_output": 500,
        "starting": 503,
        "draining": 503,
        "worker_dead": 503,
        "deadline_exceeded": 504,
    }
)


class ServiceError(Exception):
    """Anything the service refuses."""


class SettingsError(ServiceError):
    """A setting that is unknown, out of range or at odds with another."""


@dataclass(frozen=True)
class Details:
    """The numbers behind a refusal.

    Args:
        index: Which text it is about, counted from 0.
        limit: What is allowed.
        actual: What was found.
        setting: Which setting sets the limit.
    """

    index: int | None = None
    limit: int | None = None
    actual: int | None = None
    setting: str | None = None


NO_DETAILS = Details()
SHOWN_NAME_LENGTH = 64  # of a name that the caller chose, in a message


class RequestError(ServiceError):
    """A request that gets no answer.

    Args:
        code: A key of `STATUS_OF`.
        found: What was found and what is allowed; never the caller's text.
        remedy: What to do, where `found` does not say it.
        param: The field of the request it is about.
        details: The numbers behind it.
        retry_after_s: Seconds after which it is worth asking again.
    """

    def __init__(
        self,
        code: str,
        found: str,
        remedy: str = "",
        *,
        param: str | None = None,
        details: Details = NO_DETAILS,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(f"{found}; {remedy}" if remedy else found)
        self.code = code
        self.found = found
        self.param = param
        self.details = details
        self.retry_after_s = retry_after_s

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return STATUS_OF[self.code]

    def body(self, request_id: str) -> dict[str, object]:
        """The answer, before it is written as JSON."""
        return {
            "error": {
                "code": self.code,
                "message": str(self),
                "type": type_of(self.status),
                "param": self.param,
                "request_id": request_id,
                "details": asdict(self.details),
            }
        }


def invalid(param: str, message: str, index: int | None = None) -> RequestError:
    """The refusal of a field that contradicts another, the text or the model."""
    details = Details(index=index)
    return RequestError("validation_error", f"{param}: {message}", param=param, details=details)


def type_of(status: int) -> str:
    """Who has to act: the caller now, the caller later, or the operator."""
    if status == STATUS_OF["overloaded"]:
        return "overloaded_error"
    return "invalid_request_error" if status < 500 else "server_error"
