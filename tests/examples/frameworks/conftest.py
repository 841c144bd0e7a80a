"""Run the example in the docstring of a module."""

import textwrap

import pytest


@pytest.fixture
def run_example():
    """Return a function that runs the indented lines of a docstring and returns its variables."""

    def run(module):
        lines = module.__doc__.splitlines()
        code = textwrap.dedent("\n".join(line for line in lines if line.startswith("    ")))
        assert code
        variables = {}
        exec(code, variables)
        return variables

    return run
