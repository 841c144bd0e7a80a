"""Keep what a client knows about its service: the limits, and how long to wait for it."""

from dataclasses import dataclass

from bilm_client.bounds import seconds

# A client waits this long for its service unless the caller gives a time. A service that has
# answered before may be starting again; an address that has never answered may be wrong.
MAX_WAIT_S, FIRST_WAIT_S = 120.0, 5.0


@dataclass
class Service:
    """What a client knows of its service.

    Args:
        max_wait_s: Seconds that the retries of one request may take, if the caller gave them.
        has_answered: Whether this client has had a response.
        max_texts: The most texts that a request may have; None until /info has been read.
        max_body_bytes: The largest body of a request; None if that is not known.

    Raises:
        InputError: max_wait_s is not a number of seconds.
    """

    max_wait_s: float | None = None
    has_answered: bool = False
    max_texts: int | None = None
    max_body_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.max_wait_s is not None:
            self.max_wait_s = seconds(self.max_wait_s, "max_wait_s", takes_zero=True)

    @property
    def patience_s(self) -> float:
        """Seconds that the retries of a request may take."""
        if self.max_wait_s is not None:
            return self.max_wait_s
        return MAX_WAIT_S if self.has_answered else FIRST_WAIT_S
