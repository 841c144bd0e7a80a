"""An optional progress bar, which needs tqdm."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(is_wanted: bool, total: int | None) -> Iterator[Callable[[], object]]:
    """Yield a function to call after each text.

    Args:
        is_wanted: Whether there is a bar.
        total: How many texts there are; None if that is not known.

    Raises:
        ImportError: a bar is requested and tqdm is not installed.
    """
    if not is_wanted:
        yield lambda: None
        return
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            "progress=True needs tqdm: pip install 'bilm-client[progress]'"
        ) from error
    with tqdm(total=total, unit=" texts") as shown:
        yield shown.update
