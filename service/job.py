"""A request that was admitted: its questions, one by one, and the answers as they come back.

Made and completed on the event loop; the inference threads read it.
"""

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Generic, TypeVar

from .costs import Share
from .engine import AnyQuestion

Answer = TypeVar("Answer")


@dataclass(eq=False)
class Job(Generic[Answer]):
    """A request that was admitted. Times are on the monotonic clock.

    Args:
        done: Resolves once every question is answered; cancel it to drop the job.
        num_questions: How many answers make it complete.
        deadline: When nobody waits any more.
        submitted_at: When it was admitted.
        started_at: When its first question was taken.
        finished_at: When its last answer came back.
        answers: Those there are and nobody has taken, by the number of the question.
        arrived: The numbers in the order their answers came back, then None; also None if the job
            fails.
    """

    done: asyncio.Future[None]
    num_questions: int
    deadline: float
    submitted_at: float
    started_at: float = 0.0
    finished_at: float = 0.0
    answers: dict[int, Answer] = field(default_factory=dict)
    arrived: asyncio.Queue[int | None] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self._num_open = self.num_questions
        self.done.add_done_callback(lambda _: self.arrived.put_nowait(None))

    def is_wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return not self.done.done() and monotonic() < self.deadline

    def add(self, index: int, answer: Answer) -> None:
        """Take the answer to one question; the last one completes the job."""
        self.answers[index] = answer
        self.arrived.put_nowait(index)
        self._num_open -= 1
        if not self._num_open:
            self.finished_at = monotonic()
            self.done.set_result(None)

    def take_all(self) -> list[Answer]:
        """The answers to all questions, in their order."""
        return [self.answers.pop(number) for number in range(self.num_questions)]


@dataclass(frozen=True, eq=False)
class Item:
    """One question of a job, and what it costs.

    Args:
        job: Which waits for it.
        index: Its number in the job.
        question: The question.
        share: In which share of the threads' time it is answered.
        width: Its padded pieces in a micro-batch.
        batch_share: What it takes of a micro-batch, in padded pieces.
        seconds: What is left of it costs a thread, in seconds.
        is_put_back: Whether it has had a turn, and is not over.
    """

    job: Job[Any]
    index: int
    question: AnyQuestion[Any]
    share: Share
    width: int
    batch_share: float
    seconds: float
    is_put_back: bool = False
