"""An optional progress bar, which needs tqdm."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(is_wanted: bool, total: int) -> Iterator[Callable[[], object]]:
    """Yield a function to call after each request; a single request gets no bar.

    Raises:
        ImportError: a bar is requested and tqdm is not installed.
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
