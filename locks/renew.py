"""Write the locks anew, or say whether they still fit: `scripts/lock [--check | --upgrade]`.

A lock holds the exact version and the hashes of everything that an extra of pyproject.toml brings,
for every supported Python, on x86-64 and arm64, Linux and macOS. torch is in none of them: its
version stands in torch.txt.
"""

import argparse
import hashlib
import itertools
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = Path(__file__).parent
ROOT = LOCKS.parent
TORCH = LOCKS / "torch.txt"
EVERYTHING = "dev"  # is resolved first; every other lock takes its versions from there
EXTRAS = ("service", "training", "bulk", "cluster", "opentelemetry", EVERYTHING)
WITH_THE_SERVICE = ("opentelemetry",)  # means nothing without it
# Only builds of torch bring these; each build asks for exact versions of its own.
COMES_WITH_TORCH = re.compile(r"(torch|triton|cuda-[a-z-]+|nvidia-[a-z0-9-]+)==")
ENVIRONMENTS = [
    {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.0"}
    | {"sys_platform": system, "platform_machine": machine}
    for minor, (system, machine) in itertools.product(
        range(11, 15), [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]
    )
]


def requirements_of_locks(root: Path = ROOT) -> dict[str, list[str]]:
    """Return the requirements from which each lock is resolved, by the name of the lock."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    client = tomllib.loads((root / "client" / "pyproject.toml").read_text("utf-8"))["project"]
    library = project["project"]["dependencies"]
    extras = project["project"]["optional-dependencies"]
    client_extras = client["optional-dependencies"]
    found = {
        "build": project["dependency-groups"]["build"],
        # The image of the classifier holds the client, and neither biLM nor torch.
        "classifier": [*extras["classifier"], *client["dependencies"], *client_extras["progress"]],
    }
    for name in EXTRAS:
        others = extras["service"] if name in WITH_THE_SERVICE else []
        found[name] = [*library, *others, *_expanded(extras, name)]
    found[EVERYTHING] += [*client["dependencies"], *itertools.chain(*client_extras.values())]
    return {name: sorted(set(wanted)) for name, wanted in found.items()}


def complaints(root: Path = ROOT) -> Iterator[str]:
    """Yield why a lock does not fit the requirements; nothing if all fit."""
    for name, wanted in requirements_of_locks(root).items():
        file = root / "locks" / f"{name}.txt"
        if not file.exists():
            yield f"locks/{name}.txt is missing"
            continue
        text = file.read_text("utf-8")
        if _digest(wanted) not in text:
            yield f"locks/{name}.txt was written for other requirements than pyproject.toml has"
        yield from (f"locks/{name}.txt {what}" for what in _misfits(text, wanted))


def renew(upgrade: bool) -> None:
    """Resolve every lock; keep the present versions if they fit, unless `upgrade` is true."""
    wanted = requirements_of_locks()
    for name in (EVERYTHING, *sorted(wanted.keys() - {EVERYTHING})):
        _resolve(name, wanted[name], upgrade)


def _expanded(extras: dict[str, list[str]], name: str) -> Iterator[str]:
    """Yield the requirements of an extra, and of other extras of this project that it names."""
    for line in extras[name]:
        requirement = Requirement(line)
        if requirement.name != "bilm-vectors":
            yield line
        for other in requirement.extras if requirement.name == "bilm-vectors" else ():
            yield from _expanded(extras, other)


def _misfits(lock: str, wanted: Iterable[str]) -> Iterator[str]:
    """Yield each requirement that a lock lacks or has in a version that does not fit."""
    lines = [*lock.splitlines(), *TORCH.read_text("utf-8").splitlines()]
    pins = [Requirement(line.rstrip(" \\")) for line in lines if re.match(r"[\w.-]+==", line)]
    for requirement in map(Requirement, wanted):
        for environment in ENVIRONMENTS:
            found = _pinned(pins, requirement.name, environment)
            if len(found) != 1 or not requirement.specifier.contains(found[0], prereleases=True):
                held = " and ".join(found) or "nothing"
                where = f"Python {environment['python_version']} on {environment['sys_platform']}"
                yield f"holds {held} where {requirement} is wanted, for {where}"
                break


def _pinned(pins: Iterable[Requirement], name: str, environment: dict[str, str]) -> list[str]:
    """Return the versions of a package that an installer would choose in an environment."""
    return [
        str(pin.specifier).removeprefix("==")
        for pin in pins
        if canonicalize_name(pin.name) == canonicalize_name(name)
        and (not pin.marker or pin.marker.evaluate(environment))
    ]


def _resolve(name: str, wanted: list[str], upgrade: bool) -> None:
    file = LOCKS / f"{name}.txt"
    constraints = [TORCH] if name == EVERYTHING else [TORCH, LOCKS / f"{EVERYTHING}.txt"]
    command = [sys.executable, "-m", "uv", "pip", "compile", "-", "--quiet", "--universal"]
    command += ["--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"]
    command += ["--output-file", str(file), *(["--upgrade"] if upgrade else [])]
    for constraint in constraints:
        command += ["--constraint", str(constraint)]
    subprocess.run(
        command, input="\n".join(wanted), text=True, check=True, stdout=subprocess.DEVNULL
    )
    kept = "".join(_entries_without_torch(file.read_text("utf-8")))
    file.write_text(
        f"# Written by scripts/lock for the requirements {_digest(wanted)}.\n{kept}", "utf-8"
    )


def _entries_without_torch(lock: str) -> Iterator[str]:
    """Yield each entry of a lock with its hashes, without packages that only torch brings."""
    for entry in re.split(r"^(?=\S)", lock, flags=re.MULTILINE):
        if not COMES_WITH_TORCH.match(re.sub(r"\[.*?\]", "", entry)):
            yield entry


def _digest(wanted: list[str]) -> str:
    """Return sixteen characters that change with a list of requirements."""
    return hashlib.sha256(json.dumps([*wanted, TORCH.read_text("utf-8")]).encode()).hexdigest()[:16]


def main() -> int:
    """Run the command; status 1 where a lock does not fit."""
    parser = argparse.ArgumentParser(prog="scripts/lock", description=__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="Change nothing; say what is wrong.")
    choice.add_argument("--upgrade", action="store_true", help="Take the newest versions.")
    arguments = parser.parse_args()
    if not arguments.check:
        renew(arguments.upgrade)
    found = list(complaints())
    for complaint in found:
        sys.stderr.write(f"{complaint}; run scripts/lock\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
