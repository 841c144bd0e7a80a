"""Define the errors of the service: one table of codes, and one body for every refusal.

ServiceError
├── RequestError     a request that is refused or fails; the table maps its code to a status
├── AddressError     an address that cannot be listened on
└── SettingsError    a setting that keeps the service from starting
"""

from dataclasses import asdict, dataclass
from types import MappingProxyType

STATUS_OF = MappingProxyType(
    {
        "invalid_http": 400,
        "invalid_json": 400,
        "invalid_unicode": 400,
        "invalid_api_key": 401,
        "not_found": 404,
        "model_not_found": 404,
        "method_not_allowed": 405,
        "not_acceptable": 406,
        "request_timeout": 408,
        "body_too_large": 413,
        "too_many_texts": 413,
        "too_many_pieces": 413,
        "response_too_large": 413,
        "unsupported_media_type": 415,
        "unknown_host": 421,
        "validation_error": 422,
        "text_too_long": 422,
        "bad_span": 422,
        "unknown_mix": 422,
        "unknown_layer": 422,
        "overloaded": 429,
        "headers_too_large": 431,
        "internal": 500,
        "nonfinite_output": 500,
        "starting": 503,
        "draining": 503,
        "worker_dead": 503,
        "too_many_connections": 503,
        "deadline_exceeded": 504,
    }
)


class ServiceError(Exception):
    """The base class of all errors of the service."""


class SettingsError(ServiceError):
    """A setting that is unknown, out of range or at odds with another."""


class AddressError(ServiceError):
    """An address that the service cannot listen on."""


@dataclass(frozen=True)
class Details:
    """The numbers behind a refusal.

    Args:
        index: Position of the refused text in the request, counted from 0.
        place: The place inside the field, such as "mix.weights.2"; None if it is the whole field.
        limit: The largest value that is allowed.
        actual: The value that was found.
        setting: Name of the setting that sets the limit.
    """

    index: int | None = None
    place: str | None = None
    limit: float | None = None
    actual: float | None = None
    setting: str | None = None


NO_DETAILS = Details()
# A message shows at most this many characters of a name that the caller chose.
SHOWN_NAME_LENGTH = 64


class RequestError(ServiceError):
    """A request that is refused or fails.

    Args:
        code: A key of `STATUS_OF`.
        found: What was found and what is allowed; never the caller's text.
        remedy: What the caller can do, if `found` does not already say it.
        param: Name of the request field that caused the error.
        details: The numbers behind the refusal.
        retry_after_s: Seconds after which the caller may try again.
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
        """Return the response body, before it is serialized as JSON."""
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


def invalid(
    param: str, message: str, index: int | None = None, place: str | None = None
) -> RequestError:
    """Return the refusal of a field that contradicts another field, the text or the model."""
    details = Details(index, place)
    return RequestError("validation_error", f"{param}: {message}", param=param, details=details)


def type_of(status: int) -> str:
    """Return the error type, which says who must act: the caller, now or later, or the operator."""
    if status == STATUS_OF["overloaded"]:
        return "overloaded_error"
    return "invalid_request_error" if status < 500 else "server_error"
