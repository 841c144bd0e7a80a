"""Read and write artifacts: folders that hold a trained biLM and everything it needs.

    config.json          format, version, id, sizes, and the sha256 of every other file
    pieces.model         sentencepiece
    weights.safetensors  bfloat16 weights of the biLM and, under `heads.`, of its heads
    geometry.safetensors the float32 mean vector and bound of each representation and the context
    mixes.json           named mixes: weights and gamma
    golden.json          fixed texts and the vectors they must give, for the self-test
    card.json            where the model comes from and how well it does

The revision is the sha256 of config.json, which covers the whole folder because config.json holds
the sha256 of every other file. Nothing in the folder is executed. No other module knows its files.
"""

import base64
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from biLM.errors import (
    ArtifactError,
    ChecksumError,
    ConfigError,
    DamagedFileError,
    ForeignVersionError,
    MissingFileError,
    MixError,
)
from biLM.files import own_name, replace_folder, to_json, write_atomically
from biLM.mixes import DEFAULT_MIX, read_mixes
from biLM.network.config import CONTEXT, BiLMConfig, Layer
from biLM.network.geometry import Geometry
from biLM.network.heads import Heads
from biLM.network.model import BiLM
from biLM.network.scalar_mix import ScalarMix
from biLM.shipped import model_folder, shipped_models

FORMAT = "biLM artifact"
FORMAT_VERSION = 4
CONFIG = "config.json"
WEIGHTS = "weights.safetensors"
GEOMETRY = "geometry.safetensors"
FILES = ("pieces.model", WEIGHTS, GEOMETRY, "mixes.json", "golden.json", "card.json")
HEADS = "heads."
# This ends every message about a damaged file.
AGAIN = "; export the model again, or copy its folder again"
Json = dict[str, Any]  # json.loads returns this; whoever reads a field checks its type


@dataclass(frozen=True)
class Golden:
    """A text with the piece ids and vectors that it must give.

    Args:
        text: The text.
        ids: Its piece ids.
        vectors: The mean over the pieces, for every representation and for the context,
            `[depth + 1, dim]`.
    """

    text: str
    ids: tuple[int, ...]
    vectors: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Artifact:
    """A trained biLM and what belongs to it.

    Args:
        id: Its name, such as `zh-small`.
        config: The sizes of the model.
        pieces_model: The sentencepiece model, as bytes.
        model: The biLM with its weights.
        heads: The heads, which predict pieces from the model's states and give the context.
        geometry: The mean vectors and bounds that centre each representation and the context.
        mixes: The named mixes; `default` is one of them.
        golden: The texts and vectors of the self-test.
        card: The data, recipe, hardware and scores of the model.
        revision: `sha256:…` of the folder that was loaded; empty before the artifact is saved.
    """

    id: str
    config: BiLMConfig
    pieces_model: bytes
    model: BiLM
    heads: Heads
    geometry: Geometry
    mixes: Mapping[str, ScalarMix]
    golden: tuple[Golden, ...]
    card: Json
    revision: str = ""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that can be read out: the representations by number, and the context."""
        return (*range(self.config.num_representations), CONTEXT)

    def mix(self, name: str) -> ScalarMix:
        """Return the mix of a name.

        Raises:
            MixError: no mix has the name.
        """
        if name not in self.mixes:
            raise MixError(f"there is no mix {name!r}; choose one of {sorted(self.mixes)}")
        return self.mixes[name]

    def with_mixes(self, path: Path | None) -> "Artifact":
        """Return this artifact with the mixes of a file added to its own.

        Raises:
            MixError: the file cannot be read, or a mix in it does not fit.
        """
        if path is None:
            return self
        more = read_mixes(path, self.config.num_representations, self.mixes)
        return replace(self, mixes={**self.mixes, **more})


def round_weights(part: nn.Module) -> None:
    """Round weights in place to bfloat16, the precision of an artifact's file."""
    with torch.no_grad():
        for parameter in part.parameters():
            parameter.copy_(parameter.bfloat16())


def save_artifact(artifact: Artifact, folder: Path) -> str:
    """Write the folder and return its revision.

    config.json is written last. A folder without it is incomplete and cannot be loaded. A folder
    that has an artifact keeps it until the new one is complete.

    Raises:
        ArtifactError: the folder has an artifact and cannot be replaced.
        OSError: a file cannot be written.
    """
    parameters = artifact.model.state_dict() | artifact.heads.state_dict(prefix=HEADS)
    weights = {name: t.to(torch.bfloat16).contiguous() for name, t in parameters.items()}
    golden = [
        {"text": g.text, "ids": g.ids, "shape": g.vectors.shape, "vectors": _to_base64(g.vectors)}
        for g in artifact.golden
    ]
    contents = {
        "pieces.model": artifact.pieces_model,
        WEIGHTS: save_tensors(weights),
        GEOMETRY: save_tensors(_tensors_of(artifact.geometry)),
        "mixes.json": to_json({name: asdict(mix) for name, mix in artifact.mixes.items()}),
        "golden.json": to_json({"texts": golden}),
        "card.json": to_json(artifact.card),
    }
    config = to_json(
        {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "id": artifact.id,
            "sizes": asdict(artifact.config),
            "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
        }
    )
    write = _replace if (folder / CONFIG).exists() else _write
    write(folder, contents | {CONFIG: config})
    return _revision(config)


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        write_atomically(folder / name, data)


def _replace(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write a new folder beside an artifact, then put it in its place.

    Files replaced one by one would not fit config.json until the last of them is in place.
    """
    folder = folder.resolve()  # a link stays a link
    new = own_name(folder)
    try:
        _write(new, contents)
        try:
            replace_folder(folder, new)
        except OSError as error:
            raise ArtifactError(
                f"{folder} has an artifact and cannot be replaced by a new folder: {error}; write"
                " to another folder"
            ) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def load_artifact(named: str | Path) -> Artifact:
    """Read and verify a folder.

    Args:
        named: The path of the folder, or the name of a shipped model, such as `zh-small`.

    Raises:
        MissingFileError: a file of the format is missing.
        ForeignVersionError: another version of the format wrote the folder.
        ChecksumError: a file is not the one that was written.
        DamagedFileError: a file does not have the content that it should have.
    """
    folder = model_folder(named)
    data = _read(folder, CONFIG)
    config = _from_json(CONFIG, data)
    found = config.get("format"), config.get("version")
    if found != (FORMAT, FORMAT_VERSION):
        raise ForeignVersionError(
            f"{folder / CONFIG} has format {found}; this program reads {(FORMAT, FORMAT_VERSION)};"
            " export the model again with this version"
        )
    with _reading(CONFIG):
        expected = {name: config["sha256"][name] for name in FILES}
        id_, sizes = config["id"], BiLMConfig(**config["sizes"])
    contents = {name: _verified(folder, name, expected[name]) for name in FILES}
    model, heads = _load_weights(contents[WEIGHTS], sizes)
    return Artifact(
        id=id_,
        config=sizes,
        pieces_model=contents["pieces.model"],
        model=model,
        heads=heads,
        geometry=_load_geometry(contents[GEOMETRY], sizes),
        mixes=_load_mixes(contents["mixes.json"], sizes),
        golden=_load_golden(contents["golden.json"], sizes),
        card=_from_json("card.json", contents["card.json"]),
        revision=_revision(data),
    )


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Raise errors of the block again as DamagedFileError, with the name of the file."""
    try:
        yield
    except (KeyError, TypeError, ValueError, ConfigError, MixError) as error:
        raise DamagedFileError(f"{name} is malformed: {error!r}{AGAIN}") from error


def _load_mixes(data: bytes, sizes: BiLMConfig) -> dict[str, ScalarMix]:
    mixes = {}
    for name, mix in _from_json("mixes.json", data).items():
        with _reading("mixes.json"):
            mixes[name] = ScalarMix(tuple(mix["weights"]), mix["gamma"])
        if len(mixes[name].weights) != sizes.num_representations:
            raise DamagedFileError(
                f"mixes.json: mix {name!r} has {len(mixes[name].weights)} weights, but the model"
                f" has {sizes.num_representations} representations{AGAIN}"
            )
    if DEFAULT_MIX not in mixes:
        raise DamagedFileError(
            f"mixes.json must have a mix {DEFAULT_MIX!r}, but has {sorted(mixes)}{AGAIN}"
        )
    return mixes


def _load_golden(data: bytes, sizes: BiLMConfig) -> tuple[Golden, ...]:
    with _reading("golden.json"):
        golden = tuple(
            Golden(g["text"], tuple(g["ids"]), _from_base64(g["vectors"], g["shape"]))
            for g in _from_json("golden.json", data)["texts"]
        )
    for g in golden:
        if g.vectors.shape != (sizes.num_representations + 1, sizes.dim):
            raise DamagedFileError(
                f"golden.json has vectors of shape {g.vectors.shape}, but the model needs"
                f" {(sizes.num_representations + 1, sizes.dim)}{AGAIN}"
            )
    return golden


def _tensors_of(geometry: Geometry) -> dict[str, Tensor]:
    named = {"center": geometry.center, "bound": geometry.bound}
    return {name: tensor.float().contiguous() for name, tensor in named.items()}


def _load_geometry(data: bytes, sizes: BiLMConfig) -> Geometry:
    tensors = _load_tensors(GEOMETRY, data)
    for name, expected in _tensors_of(Geometry.neutral(sizes)).items():
        if name not in tensors or tensors[name].shape != expected.shape:
            raise DamagedFileError(
                f"{GEOMETRY} has no {name} that fits the sizes in {CONFIG}{AGAIN}"
            )
    center, bound = tensors["center"].float(), tensors["bound"].float()
    if not bool(center.isfinite().all()):
        raise DamagedFileError(f"{GEOMETRY} has a center that is not finite{AGAIN}")
    if not bool((bound > 0).all()):
        raise DamagedFileError(f"{GEOMETRY} has a bound that is not above 0{AGAIN}")
    return Geometry(center, bound)


def _load_weights(data: bytes, sizes: BiLMConfig) -> tuple[BiLM, Heads]:
    tensors = _load_tensors(WEIGHTS, data)
    try:
        with torch.device("meta"), _Undrawn():  # allocates nothing for wrong sizes
            model, heads = BiLM(sizes), Heads(sizes)
        weights = {name: tensor.float() for name, tensor in tensors.items()}
        of_heads = {n.removeprefix(HEADS): weights.pop(n) for n in tensors if n.startswith(HEADS)}
        model.load_state_dict(weights, assign=True)
        heads.load_state_dict(of_heads, assign=True)
    except RuntimeError as error:
        raise DamagedFileError(f"{WEIGHTS} does not fit {CONFIG}: {error}{AGAIN}") from error
    return model.eval().requires_grad_(False), heads.eval().requires_grad_(False)


class _Undrawn(TorchFunctionMode):
    """Skips `nn.init.normal_`, because the file has the weights.

    On the meta device, torch would load its compiler to draw them, which takes a second and 80 MB.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        named = kwargs or {}
        if func is nn.init.normal_:  # torch passes the tensor by its name
            return args[0] if args else named["tensor"]
        return func(*args, **named)


def _load_tensors(name: str, data: bytes) -> dict[str, Tensor]:
    try:
        return load_tensors(data)
    except SafetensorError as error:
        raise DamagedFileError(f"{name} cannot be read: {error}{AGAIN}") from error


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError as error:
        remedy = f"an artifact consists of {(CONFIG, *FILES)}"
        if not folder.exists():
            remedy = f"there is no such folder, and the shipped models are {[*shipped_models()]}"
        raise MissingFileError(f"{folder / name} does not exist; {remedy}") from error
    except OSError as error:
        raise DamagedFileError(f"{folder / name} cannot be read: {error}") from error


def _verified(folder: Path, name: str, expected: str) -> bytes:
    data = _read(folder, name)
    actual = hashlib.sha256(data).hexdigest()
    if actual != expected:
        raise ChecksumError(
            f"{folder / name} has sha256 {actual}, but {CONFIG} has {expected};"
            " copy the folder again"
        )
    return data


def _revision(config: bytes) -> str:
    return f"sha256:{hashlib.sha256(config).hexdigest()}"


def _from_json(name: str, data: bytes) -> Json:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise DamagedFileError(f"{name} is not JSON: {error}{AGAIN}") from error
    if not isinstance(value, dict):
        raise DamagedFileError(f"{name} contains a {type(value).__name__}, not an object{AGAIN}")
    return value


def _to_base64(vectors: npt.NDArray[np.float32]) -> str:
    return base64.b64encode(vectors.astype("<f4").tobytes()).decode()


def _from_base64(text: str, shape: list[int]) -> npt.NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), dtype="<f4").reshape(shape)
