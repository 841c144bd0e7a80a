"""Run the modules of the page in Node, as a browser does."""

import json
import shutil
import subprocess

import pytest

from service.static import FOLDER
from tests.service.serving import PATIENCE_S

needs_node = pytest.mark.skipif(not shutil.which("node"), reason="there is no node")


def evaluate(module, expression, **values):
    """An expression over the exports of a module and these values, as JSON brings it."""
    program = (
        f"import * as module from {json.dumps((FOLDER / module).as_uri())};"
        f"const {{{', '.join(values)}}} = {json.dumps(values)};"
        f"process.stdout.write(JSON.stringify({expression}));"
    )
    command = ["node", "--input-type=module", "--no-warnings", "-"]
    done = subprocess.run(
        command, input=program, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
