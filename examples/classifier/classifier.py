"""A trained classifier, which turns texts and embeddings into probabilities, and its file.

The file is a numpy .npz that contains the weights, and a JSON header as bytes. It is read without
pickle, so that nothing in it is executed.
"""

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bilm_client.keys import without_user
from scipy.special import softmax

from examples.classifier.characters import Characters
from examples.classifier.embeddings import Recipe
from examples.classifier.errors import ModelError
from examples.classifier.files import write_atomically
from examples.classifier.linear import Block, LinearModel
from examples.classifier.scaling import Scaling

FILE = "classifier.npz"
FORMAT = "biLM example classifier"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Classifier:
    """Everything that is needed to label a text.

    Args:
        labels: The name of each class.
        url: Address of the service that it was trained with. A saved classifier has it without user
            name and password.
        revision: Revision of the model whose vectors it reads. Vectors of another model mean
            nothing to it.
        recipe: Which vectors it reads.
        scaling: The scaling that is applied to the vectors first.
        model: Weights of the embeddings, then those of the characters if it reads them too.
        characters: The character features; None if it reads embeddings alone.
    """

    labels: list[str]
    url: str
    revision: str
    recipe: Recipe
    scaling: Scaling
    model: LinearModel
    characters: Characters | None

    def probabilities(
        self, texts: list[str], embeddings: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Return probabilities `[texts, labels]`; the embeddings are scaled in place."""
        self.scaling.apply(embeddings)
        blocks: list[Block] = [embeddings]
        if self.characters:
            blocks.append(self.characters.features(texts))
        probabilities: npt.NDArray[np.float32] = softmax(self.model.logits(blocks), axis=1)
        return probabilities

    def check_revision(self, revision: str, url: str) -> None:
        """Refuse vectors of another model.

        Raises:
            ModelError: the service at `url` has another revision.
        """
        if revision != self.revision:
            raise ModelError(
                f"the classifier was trained on vectors of model {self.revision}; the service at"
                f" {without_user(url)} has {revision}; start the service with that model, or train"
                " again"
            )

    def save(self, folder: Path) -> None:
        """Write the classifier atomically."""
        header = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "labels": self.labels,
            "url": without_user(self.url),
            "revision": self.revision,
            "recipe": asdict(self.recipe),
            "vocabulary": self.characters.vocabulary if self.characters else None,
        }
        arrays: dict[str, Any] = {  # the types that savez accepts
            "header": np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
            "mean": self.scaling.mean,
            "factor": self.scaling.factor,
            "bias": self.model.bias,
            "embedding_weights": self.model.weights[0],
        }
        if self.characters:
            arrays |= {"character_weights": self.model.weights[1], "idf": self.characters.idf}
        write_atomically(folder / FILE, lambda file: np.savez(file, **arrays))

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        """Return the classifier that `save` wrote.

        Raises:
            ModelError: the file is missing or damaged, or another version wrote it.
        """
        path = folder / FILE
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                arrays = dict(file)
            header = json.loads(arrays["header"].tobytes())
            found = header["format"], header["version"]
            if found == (FORMAT, FORMAT_VERSION):
                return cls._assemble(header, arrays)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}; train first") from error
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path} is not a saved classifier: {error!r}") from error
        raise ModelError(
            f"{path} has format {found}; this program reads {(FORMAT, FORMAT_VERSION)}; train again"
        )

    @classmethod
    def _assemble(
        cls,
        header: dict[str, Any],
        arrays: dict[str, npt.NDArray[Any]],  # the types that JSON and numpy load
    ) -> "Classifier":
        weights, characters = [arrays["embedding_weights"]], None
        if header["vocabulary"] is not None:
            weights.append(arrays["character_weights"])
            characters = Characters(header["vocabulary"], arrays["idf"])
        recipe = header["recipe"]
        return cls(
            labels=header["labels"],
            url=header["url"],
            revision=header["revision"],
            recipe=Recipe(recipe["layers"], tuple(recipe["poolings"]), recipe["center"]),
            scaling=Scaling(arrays["mean"], arrays["factor"]),
            model=LinearModel(tuple(weights), arrays["bias"]),
            characters=characters,
        )
