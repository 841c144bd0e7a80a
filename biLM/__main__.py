"""`python -m biLM embed`: the vectors of a whole file of texts, without a service."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; a refusal is one line on standard error and status 2."""
    try:
        from biLM.bulk import command
    except ModuleNotFoundError as error:
        sys.stderr.write(f"biLM: {error.name} is not installed; pip install '.[bulk]'\n")
        return 2
    return command.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
