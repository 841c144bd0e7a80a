"""The settings: environment variable `BILM_X`, flag `--x`, field `x` in `/info`.

This is the only module that reads the environment.
"""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import SettingsError

PREFIX = "BILM_"
MIB = 2**20
MIN_KEY_LENGTH = 8
SENDABLE_KEY = re.compile(rf"[\x21-\x2b\x2d-\x7e]{{{MIN_KEY_LENGTH},}}")


class Settings(BaseSettings):
    """The settings of one process. Units end the names; every limit is inclusive."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on. 0.0.0.0 opens the service to the network;"
        " 127.0.0.1 cannot be reached from outside the machine or container.",
    )
    port: int = Field(
        8000,
        ge=0,
        le=65535,
        description="TCP port. 0 takes a free one and logs it; below 1024 needs privileges.",
    )
    model: Path = Field(
        Path("zh-small"),
        description="Artifact folder, or the name of a model that comes with biLM. The service"
        " does not start without a complete one.",
    )
    mixes: Path | None = Field(
        None,
        description='File of further mixes, such as {"reviews": {"weights": [0, 0.5, 0.5], "gamma":'
        " 1}}, or with logits. Requests name them as they"
        " name those of the artifact, whose names are taken. One that does not fit the model keeps"
        " the service from starting.",
    )
    max_body_bytes: int = Field(
        4 * MIB,
        ge=1024,
        le=1024 * MIB,
        description="Bytes of a request body. Too low refuses long texts before they are read;"
        " too high lets one request hold that much memory.",
    )
    max_requests: int = Field(
        512,
        ge=1,
        le=65536,
        description="Requests being read, waiting or being computed. Too low refuses a crowd of"
        " small requests; too high lets them fill the memory.",
    )
    max_texts: int = Field(
        256,
        ge=1,
        le=65536,
        description="Texts of a request. Too low costs callers round trips; too high lets one"
        " request take many micro-batches.",
    )
    max_text_pieces: int = Field(
        8192,
        ge=1,
        le=1_000_000,
        description="Pieces of a text. Too low cuts documents apart; too high lets one text keep"
        " an inference thread busy, because a text is read in one go.",
    )
    max_request_pieces: int = Field(
        20480,
        ge=1,
        le=10_000_000,
        description="Pieces of a request, and pieces its spans cover together. Too low costs"
        " callers round trips; too high lets one request fill the queue.",
    )
    max_response_bytes: int = Field(
        64 * MIB,
        ge=1024,
        le=1024 * MIB,
        description="Bytes of an answer, estimated before the model runs. Too low refuses long"
        " texts with `layers`; too high lets one answer hold that much memory, three times over.",
    )
    max_held_bytes: int = Field(
        512 * MIB,
        ge=1024,
        le=1024 * 1024 * MIB,
        description="Bytes of large bodies and answers held for all callers together, until the"
        " last byte has left. Too low refuses a crowd of large requests; too high lets clients that"
        " read slowly fill the memory.",
    )
    max_stepped_pieces: int = Field(
        512,
        ge=1,
        le=65536,
        description="Pieces read one step at a time for a request: by /inspect those of its"
        " text; by /complete also max_pieces for each of its beams or completions; by /fill of"
        " several pieces those around the blank, and num_pieces for each of 32 beams. Too low"
        " refuses long sentences; too high lets one request keep an inference thread busy.",
    )
    max_batch_pieces: int = Field(
        4096,
        ge=64,
        le=65536,
        description="Padded pieces of a micro-batch. Too low wastes the processor; too high makes"
        " everybody wait for a large batch.",
    )
    max_queue_s: float = Field(
        2.0,
        gt=0,
        le=600,
        description="Seconds of work that may wait, at the speed that /info shows. Too low"
        " refuses bursts; too high answers late what could have been refused at once.",
    )
    deadline_s: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="Seconds from the first byte of a request to its vectors, and a client's for"
        " reading a slice of its answer. Too low fails large requests and slow readers; too high"
        " works for callers who have given up.",
    )
    stall_s: float = Field(
        60.0,
        gt=0,
        le=3600,
        description="Seconds a micro-batch may run before its thread counts as stuck."
        " Too low declares a slow machine dead; too high lets a stuck one look alive.",
    )
    drain_s: float = Field(
        25.0,
        ge=2,
        le=3600,
        description="Seconds from SIGTERM to the end of the process. Too low cuts off requests"
        " that were accepted; above the orchestrator's own patience it is never reached.",
    )
    threads: int = Field(
        0,
        ge=0,
        le=1024,
        description="Cores of the model; every two read a batch together, a direction each. 0 takes"
        " the CPUs granted to the process. Too low leaves cores idle; more than those makes threads"
        " wait for one another.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Numbers the model multiplies in. `auto` takes bfloat16 where the processor has"
        " units for it, which reads about 2.5 times as much and moves a vector by about one"
        " percent, else float32. Replicas on different processors agree only if all are given the"
        " same.",
    )
    api_keys: SecretStr = Field(
        SecretStr(""),
        description="Keys that open every path but probes and documents, separated by commas. Empty"
        " opens the service to whoever reaches it. Prefer the environment: other users of a machine"
        " can read the flags of its processes.",
    )
    inspect: bool = Field(
        False,
        description="Whether /inspect answers: gates and cells of a text, step by step, which keeps"
        " an inference thread several times as long as its vectors do. For a page or a lesson,"
        " rather than for a service under load.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="Least severe line that is logged. `warning` hides the line per request.",
    )

    @field_validator("mixes", mode="before")
    @classmethod
    def _nothing_is_no_file(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("api_keys")
    @classmethod
    def _keys_can_be_sent(cls, value: SecretStr) -> SecretStr:
        keys = value.get_secret_value()
        for number, key in enumerate(keys.split(",") if keys else (), start=1):
            if not SENDABLE_KEY.fullmatch(key.strip()):
                raise ValueError(
                    f"key {number} cannot be used; a key is {MIN_KEY_LENGTH} or more printable"
                    " ASCII characters, none of them a space or a comma"
                )
        return value

    @property
    def keys(self) -> list[str]:
        """The API keys; an empty list if requests need no key."""
        keys = self.api_keys.get_secret_value()
        return [key.strip() for key in keys.split(",")] if keys else []

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        if self.max_request_pieces < self.max_text_pieces:
            raise ValueError(
                f"max_request_pieces is {self.max_request_pieces} and max_text_pieces is"
                f" {self.max_text_pieces}; a request must be able to hold one longest text:"
                " raise the first or lower the second"
            )
        return self


def load_settings(flags: Mapping[str, str]) -> Settings:
    """Return the settings: flags override the environment, which overrides the defaults.

    Args:
        flags: Values by field name, as they were given on the command line.

    Raises:
        SettingsError: a value is invalid, or the environment has an unknown BILM_ name.
    """
    _refuse_unknown_names(os.environ)
    try:
        return Settings.model_validate(flags)
    except ValidationError as error:
        complaints = (
            f"{PREFIX}{str(wrong['loc'][0]).upper()}: {wrong['msg']}"
            if wrong["loc"]
            else wrong["msg"]
            for wrong in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError("; ".join(complaints)) from error


def _refuse_unknown_names(environment: Mapping[str, str]) -> None:
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            nearest = get_close_matches(name.upper(), known, n=1, cutoff=0.0)[0]
            raise SettingsError(
                f"the environment has {name}, which is no setting; did you mean {nearest}?"
                " Unset it, or see --help for all names"
            )
