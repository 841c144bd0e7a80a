"""A bar for long work, by tqdm where it is wanted and installed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(is_wanted: bool, total: int) -> Iterator[Callable[[], object]]:
    """A function to be called after each request; one alone needs no bar.

    Raises:
        ImportError: a bar is wanted and tqdm is not installed.
    """
    if not is_wanted or total < 2:
        yield lambda: None
        return
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            "progress=True needs tqdm: pip install 'bilm-client[progress]'"
        ) from error
    with tqdm(total=total, unit=" requests") as shown:
        yield shown.update
