"""Define the settings. Each is a variable `BILM_X`, a flag `--x` and a field of `/info`."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .key_ring import Key, parse_keys, read_keys

PREFIX = "BILM_"
# Paths of the service begin with these and go on, so a prefix that does as well would hide them.
OWN_SEGMENTS = frozenset({"v1", "docs", "page"})
PREFIX_PATH = re.compile(r"(/[^/?#\s]+)+")
MIB = 2**20
# The last seconds of drain_s, in which the threads and the interpreter end.
CLOSING_S = 4.0
# Between the end of lame_duck_s and these last seconds, requests have at least this long.
MIN_FINISHING_S = 1.0


class Settings(BaseSettings):
    """The settings of one process. Units end the names; every limit is inclusive."""

    # The inputs, which an error of pydantic would print, may be keys.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    host: str = Field(
        "127.0.0.1",
        description="The address to listen on. 0.0.0.0 opens the service to the network;"
        " 127.0.0.1 cannot be reached from outside the machine or container.",
    )
    port: int = Field(
        8000,
        ge=0,
        le=65535,
        description="The TCP port to listen on. With 0, the service takes a free port and logs it."
        " A port below 1024 needs privileges.",
    )
    model: Path = Field(
        Path("zh-small"),
        description="The artifact folder, or the name of a model that comes with biLM. The service"
        " does not start without a complete artifact.",
    )
    mixes: Path | None = Field(
        None,
        description="A JSON file with further mixes, such as"
        ' {"reviews": {"weights": [0, 0.5, 0.5], "gamma": 1}}, or with logits instead of weights.'
        " Requests can name these mixes like those of the artifact, so a name of the artifact"
        " cannot be used again. If a mix does not fit the model, the service does not start.",
    )
    max_body_bytes: int = Field(
        4 * MIB,
        ge=1024,
        le=1024 * MIB,
        description="The largest request body, in bytes. If it is too low, long texts are refused"
        " unread; if it is too high, one request can occupy that much memory.",
    )
    max_connections: int = Field(
        1024,
        ge=1,
        le=65536,
        description="The most connections that may be open. Beyond it, a few more may carry"
        " probes, and other requests are refused. If it is too low, clients that keep connections"
        " are refused; if it is too high, idle connections occupy memory and file descriptors,"
        " one for each.",
    )
    max_header_bytes: int = Field(
        32 * 1024,
        ge=1024,
        le=MIB,
        description="The most bytes in the request line and headers together, and in the lines"
        " between the chunks of a body. If it is too low, long cookies and tokens are refused; if"
        " it is too high, anybody can fill the memory, even without a key.",
    )
    max_headers: int = Field(
        128,
        ge=16,
        le=4096,
        description="The most headers in a request. If it is too low, requests that passed"
        " several proxies are refused; if it is too high, anybody can keep the event loop busy.",
    )
    head_s: float = Field(
        10.0,
        gt=0,
        le=600,
        description="The most seconds until the request line and headers are complete. For the"
        " first request, they begin when the connection is opened. If it is too low, distant"
        " clients are cut off; if it is too high, silent connections keep others out.",
    )
    body_s: float = Field(
        10.0,
        gt=0,
        le=600,
        description="The most seconds that a body may take to arrive, in addition to one second"
        " for each `min_bytes_per_s` bytes of it. If it is too low, clients that pause are cut"
        " off; if it is too high, parts of many bodies stay in memory.",
    )
    unread_s: float = Field(
        20.0,
        gt=0,
        le=3600,
        description="The most seconds that a client may read nothing of its response. Together"
        " with one second for each `min_bytes_per_s` bytes of it, it is also the most that a"
        " client may keep the whole response waiting; beyond either, the connection is reset. If"
        " it is too low, clients that pause are cut off; if it is too high, responses are kept for"
        " clients that have given up.",
    )
    min_bytes_per_s: int = Field(
        64 * 1024,
        ge=1,
        le=1024 * MIB,
        description="The least rate, in bytes per second, at which a client must send a body"
        " after `body_s` and read a response after `unread_s`. If it is too low, slow clients can"
        " occupy memory for hours; if it is too high, slow lines are cut off.",
    )
    max_requests: int = Field(
        512,
        ge=1,
        le=65536,
        description="The most requests that may wait or be computed at one time, once their bodies"
        " have arrived. If it is too low, many small requests at once are refused; if it is too"
        " high, they can fill the memory.",
    )
    max_key_requests: int = Field(
        0,
        ge=0,
        le=65536,
        description="The most of these requests that may have the same API key. 0 means as many as"
        " `max_requests`. If it is too low, a caller of many small requests is refused while"
        " nobody else asks; if it is 0 or too high, one caller can take the places of all others.",
    )
    max_texts: int = Field(
        256,
        ge=1,
        le=65536,
        description="The most texts in a request. If it is too low, callers need more requests; if"
        " it is too high, one request can take many micro-batches.",
    )
    max_inputs: int = Field(
        2048,
        ge=1,
        le=65536,
        description="The most inputs in a request to /v1/embeddings, in place of `max_texts`. If"
        " it is below what clients of OpenAI's API send at once, which is up to 2048, those"
        " clients must be configured; if it is too high, one request can take many micro-batches.",
    )
    max_text_pieces: int = Field(
        8192,
        ge=1,
        le=1_000_000,
        description="The most pieces in a text. If it is too low, callers must split documents; if"
        " it is too high, one text can occupy much memory, and slow down the others for long.",
    )
    max_request_pieces: int = Field(
        20480,
        ge=1,
        le=10_000_000,
        description="The most pieces in a request, and the most pieces that all its spans together"
        " may cover. If it is too low, callers need more requests; if it is too high, one request"
        " can fill the queue.",
    )
    max_response_bytes: int = Field(
        64 * MIB,
        ge=1024,
        le=1024 * MIB,
        description="The largest response, in bytes, estimated before the model runs. If it is too"
        " low, long texts with `layers` are refused; if it is too high, one response can occupy"
        " three times that much memory.",
    )
    max_held_bytes: int = Field(
        512 * MIB,
        ge=1024,
        le=1024 * 1024 * MIB,
        description="The memory, in bytes, that large request bodies, responses and what the model"
        " keeps of long texts may occupy at one time. A response counts until its last byte has"
        " been sent. If it is too low, many large requests at once are refused; if it is too high,"
        " slow clients and long texts can fill the memory.",
    )
    max_stepped_pieces: int = Field(
        512,
        ge=1,
        le=65536,
        description="The most pieces that a request may read one step at a time. /inspect counts"
        " the pieces of its text; /complete counts these and max_pieces for each beam or"
        " completion; /fill with several pieces counts those around the blank and num_pieces for"
        " each of 32 beams. If it is too low, long sentences are refused; if it is too high, one"
        " request can keep an inference thread busy.",
    )
    max_batch_pieces: int = Field(
        4096,
        ge=64,
        le=65536,
        description="The most padded pieces in a micro-batch. If it is too low, the processor is"
        " not used well; if it is too high, everybody waits for a large batch.",
    )
    max_queue_s: float = Field(
        10.0,
        gt=0,
        le=600,
        description="The most work that may wait in a queue, in seconds at the recent speed."
        " Batches of texts, long texts and searches have a queue each; where all three wait, each"
        " holds two thirds of this. If it is too low, bursts are refused; if"
        " it is too high, requests that could have been refused at once are answered late.",
    )
    deadline_s: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="The most seconds from the last byte of a request to its vectors. A process"
        " that ends may give a request less: see `drain_s`. If it is too low, large requests fail;"
        " if it is too high, the service works for callers that have given up.",
    )
    stall_s: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="The most seconds that a micro-batch may run before its thread counts as stuck."
        " If it is too low, a slow machine is declared dead; if it is too high, a stuck one looks"
        " alive.",
    )
    lame_duck_s: float = Field(
        5.0,
        ge=0,
        le=600,
        description="The seconds after SIGTERM in which the process still takes requests, while"
        " /readyz says 503 and each response ends its connection. If it is below what balancers"
        " need to notice, new requests meet a closed port; if it is too high, every restart takes"
        " that much longer. 0 closes the port at once.",
    )
    drain_s: float = Field(
        25.0,
        ge=2,
        le=3600,
        description="The most seconds from SIGTERM to the end of the process, `lame_duck_s`"
        " included. A request that has no response 4 seconds before that is refused with 503"
        " `draining`, even if its `deadline_s` has not passed. If it is too low, accepted requests"
        " are refused after all; if it is above the grace period of the orchestrator, the process"
        " is killed first.",
    )
    start_s: float = Field(
        300.0,
        gt=0,
        le=86400,
        description="The most seconds until the model has loaded; then the process ends with status"
        " 1. If it is too low, a slow disk keeps the service from starting; if it is too high, a"
        " start that hangs looks alive.",
    )
    threads: int = Field(
        0,
        ge=0,
        le=1024,
        description="The number of cores for the model. Every two of them read a batch together,"
        " one direction each. 0 means all CPUs that the process may use. If it is too low, cores"
        " stay idle; if it is above that number, threads wait for one another.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="The precision in which the model multiplies. `auto` chooses bfloat16 if the"
        " processor has units for it, and float32 otherwise. bfloat16 is about 2.5 times as fast"
        " and changes a vector by about one percent. Replicas on different processors agree only"
        " if all have the same precision.",
    )
    allowed_hosts: str = Field(
        "",
        description="The host names of the service, separated by commas and without a port. A"
        " request for another host is refused, except for a probe. If there are none, every name"
        " is allowed, and a website can make the browsers of its visitors send requests to a"
        " service that only they can reach.",
    )
    path_prefix: str = Field(
        "",
        description="The prefix, such as /bilm, of the paths that a proxy passes on, if the proxy"
        " does not remove it. If this setting is missing then, every such request is refused with"
        " 404. Requests without the prefix are served as well.",
    )
    api_keys: SecretStr = Field(
        SecretStr(""),
        description="The API keys, separated by commas, each as KEY or as NAME KEY; the log and the"
        " metrics show the names. In place of a key may stand `sha256:` and the hexadecimal digits"
        " of its SHA-256. Every path except the probes, the page, /docs and /openapi.json needs one"
        " of the keys. If there are none, anyone who can reach the service may use it. Prefer the"
        " environment: other users of a machine can read the flags of its processes.",
    )
    api_keys_file: Path | None = Field(
        None,
        description="A file of further keys, one in each line, written as in `api_keys`. It is read"
        " again when it changes, so keys change without a restart. A change that cannot be used is"
        " logged, and the earlier keys stay valid.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="The addresses and networks of the proxies in front, separated by commas. The"
        " log takes the address of a client from their X-Forwarded-For. If a proxy is missing"
        " here, the log has its address instead of the client's; if another address is listed,"
        " whoever sends from it can write any address into the log.",
    )
    inspect: bool = Field(
        False,
        description="Whether /inspect is available, which returns the gates and cells of a text. It"
        " keeps an inference thread busy several times as long as the vectors of the text do, so"
        " use it for demonstrations and teaching rather than under load.",
    )
    page: bool = Field(
        True,
        description="Whether the page for browsers is available at /. Its files need no key, so"
        " whoever can reach the service can read them; the requests that they send need one.",
    )
    docs: bool = Field(
        True,
        description="Whether /docs and /openapi.json are available, which describe every path. They"
        " need no key, so whoever can reach the service can read them. If they are not available,"
        " refusals do not refer to them.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="The least severe level that is logged. `warning` leaves out the line for each"
        " request.",
    )

    @field_validator("mixes", mode="before")
    @classmethod
    def _nothing_is_no_file(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("path_prefix")
    @classmethod
    def _prefix_is_a_path(cls, value: str) -> str:
        value = value.rstrip("/")
        if value and not PREFIX_PATH.fullmatch(value):
            raise ValueError("it must be a path such as /bilm, without a query and without //")
        if (first := value.split("/", 2)[1:2]) and first[0] in OWN_SEGMENTS:
            raise ValueError(
                f"paths of the service itself begin with /{first[0]}/, which {value} would hide:"
                " choose another, such as /bilm"
            )
        return value

    @field_validator("api_keys")
    @classmethod
    def _keys_can_be_sent(cls, value: SecretStr) -> SecretStr:
        parse_keys(_entries(value))
        return value

    @field_validator("api_keys_file")
    @classmethod
    def _keys_can_be_read(cls, value: Path | None) -> Path | None:
        if value is not None:
            read_keys(value)
        return value

    @property
    def listed_keys(self) -> list[Key]:
        """The API keys of `api_keys`."""
        return parse_keys(_entries(self.api_keys))

    @property
    def needs_key(self) -> bool:
        """Whether requests need a key."""
        return bool(self.listed_keys) or self.api_keys_file is not None

    @property
    def finishing_s(self) -> float:
        """The seconds that a request has which arrives just before the port is closed."""
        return self.drain_s - self.lame_duck_s - CLOSING_S

    @property
    def hosts(self) -> frozenset[str]:
        """The allowed host names in lower case; empty if every name is allowed."""
        names = (name.strip().lower() for name in self.allowed_hosts.split(","))
        return frozenset(name for name in names if name)

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        if self.max_request_pieces < self.max_text_pieces:
            raise ValueError(
                f"max_request_pieces is {self.max_request_pieces} and max_text_pieces is"
                f" {self.max_text_pieces}; the longest text must fit into a request:"
                " raise the first or lower the second"
            )
        least_s = self.lame_duck_s + MIN_FINISHING_S + CLOSING_S
        if self.drain_s < least_s:
            raise ValueError(
                f"drain_s is {self.drain_s} and lame_duck_s is {self.lame_duck_s}; to finish"
                f" requests after lame_duck_s, drain_s must be at least {least_s}: raise the first"
                " or lower the second"
            )
        return self


def _entries(keys: SecretStr) -> list[str]:
    value = keys.get_secret_value()
    return value.split(",") if value else []
