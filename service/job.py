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
        num_questions: The number of answers that complete it.
        deadline: The time from which nobody waits for it any more.
        submitted_at: When it was admitted.
        started_at: When its first question was taken.
        finished_at: When its last answer came back.
        answers: The answers that have come back and were not taken yet, by the number of the
            question.
        arrived: The numbers of the questions in the order in which their answers came back; then
            None, as soon as the job is complete or has failed.
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
        """Return whether somebody still waits for the job."""
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
        """Return the answers to all questions, in the order of the questions."""
        return [self.answers.pop(number) for number in range(self.num_questions)]


@dataclass(frozen=True, eq=False)
class Item:
    """One question of a job, and what it costs.

    Args:
        job: The job that waits for its answer.
        index: Its number in the job.
        question: The question.
        share: The share of the threads' time in which it is answered.
        width: The padded pieces that it adds to a micro-batch.
        batch_share: The room it takes in a micro-batch, in padded pieces.
        seconds: The seconds that a thread needs for what is left of it.
        is_put_back: Whether it has had a turn and needs a further one.
    """

    job: Job[Any]
    index: int
    question: AnyQuestion[Any]
    share: Share
    width: int
    batch_share: float
    seconds: float
    is_put_back: bool = False
