"""`Elmo`, the layer with which other networks read words through a biLM.

    elmo = Elmo.load()
    out = elmo([["我", "吃", "苹果"], ["好"]])
    out["elmo_representations"][0]  # (2, 3, 1024)
    out["mask"]                     # [[True, True, True], [True, False, False]]

Peters et al. 2018, section 3.3: a task learns a scalar mix of the biLM's layers, and dropout is
applied to what it gives.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from biLM.artifact import Artifact, load_artifact
from biLM.encoder import Encoder
from biLM.errors import ConfigError, MixError
from biLM.mixes import add_mixes, fields_of, refuse_taken
from biLM.network.geometry import Geometry
from biLM.network.scalar_mix import ScalarMix
from biLM.nn.fine_tuned import save_fine_tuned
from biLM.nn.learned_mix import LearnedMix
from biLM.nn.padding import padded
from biLM.nn.sentences import passages_of_spans, passages_of_words
from biLM.questions.question import finished
from biLM.questions.readout import Readout
from biLM.questions.vectors import VectorsFor
from biLM.reading.padded import read_padded
from biLM.shipped import DEFAULT_MODEL
from biLM.tokenizer import Tokenizer


class ElmoOutput(TypedDict):
    """What `Elmo` returns.

    Args:
        elmo_representations: One tensor for each mix; rows of padding are zero.
        mask: Which rows are words.
    """

    elmo_representations: list[Float[Tensor, "batch words dim"]]
    mask: Bool[Tensor, "batch words"]


class Elmo(nn.Module):
    """A biLM with mixes that a task learns.

    A frozen biLM in float32 on a CPU is read by `Encoder`, with its speed and its bits. Any other
    is read by torch's own LSTM, on its device, in its type of number and with its gradients.

    Args:
        artifact: The artifact. Its model and heads become parts of this module, without a copy.
        num_output_representations: Number of mixes.
        dropout: Share of the values of each mixed vector that is dropped in training.
        requires_grad: Whether the biLM is trained, too, and the heads if they give the context.
        layer_norm: Whether each layer is normalised before it is mixed.
        center: Whether the artifact's mean vectors are subtracted from the layers first.
        context: Whether the context of each word is mixed as a further layer, the last one.

    Raises:
        ConfigError: a number is outside its range.
    """

    center: Tensor
    bound: Tensor

    def __init__(
        self,
        artifact: Artifact,
        num_output_representations: int = 1,
        dropout: float = 0.5,
        requires_grad: bool = False,
        *,
        layer_norm: bool = False,
        center: bool = False,
        context: bool = False,
    ) -> None:
        super().__init__()
        _check(num_output_representations, dropout)
        self._artifact = artifact
        layers = artifact.layers if context else artifact.layers[:-1]
        self._num_layers, self._readout = len(layers), Readout(layers, center=center)
        self.bilm = artifact.model.requires_grad_(requires_grad)
        self.heads = artifact.heads.requires_grad_(requires_grad and context)
        self.heads.bias.requires_grad_(False)  # the context does not use it
        self.mixes = nn.ModuleList(
            LearnedMix(self._num_layers, layer_norm) for _ in range(num_output_representations)
        )
        self.dropout = nn.Dropout(dropout)
        if center:
            self.register_buffer("center", artifact.geometry.center.clone())
            self.register_buffer("bound", artifact.geometry.bound.clone())
        self._encoder: Encoder | None = None
        self._tokenizer: Tokenizer | None = None
        self.train(self.training)

    @property
    def dim(self) -> int:
        """The width of a vector."""
        return self._artifact.config.dim

    @classmethod
    def load(
        cls,
        artifact: str | Path | None = None,
        num_output_representations: int = 1,
        dropout: float = 0.5,
        requires_grad: bool = False,
        *,
        layer_norm: bool = False,
        center: bool = False,
        context: bool = False,
    ) -> "Elmo":
        """Load an artifact as a layer.

        Args:
            artifact: The folder of the artifact or the name of a shipped model; None for zh-small.
            num_output_representations: See the class, also for all that follow.
            dropout: Share of values that is dropped.
            requires_grad: Whether the biLM is trained, too.
            layer_norm: Whether each layer is normalised.
            center: Whether mean vectors are subtracted.
            context: Whether the context is mixed, too.

        Raises:
            ArtifactError: the folder is incomplete, foreign or damaged.
            ConfigError: a number is outside its range.
        """
        loaded = load_artifact(DEFAULT_MODEL if artifact is None else artifact)
        return cls(
            loaded,
            num_output_representations,
            dropout,
            requires_grad,
            layer_norm=layer_norm,
            center=center,
            context=context,
        )

    def forward(
        self,
        sentences: Sequence[Sequence[str]] | Sequence[str],
        spans: Sequence[Sequence[Sequence[int]]] | None = None,
    ) -> ElmoOutput:
        """Return the mixed vectors of each word.

        A word that has no pieces, such as an empty one, keeps its row, which is zero.

        Args:
            sentences: The words of each sentence; or whole texts, if there are spans.
            spans: For each text its words as half-open [begin, end) pairs of code points.

        Raises:
            SentenceError: a sentence is not a list of words, or a word is not a str.
            SpanError: a span is empty, reversed or outside its text.
        """
        layers, mask = self.layers(sentences, spans)
        return {"elmo_representations": self.mixed(layers), "mask": mask}

    def layers(
        self,
        sentences: Sequence[Sequence[str]] | Sequence[str],
        spans: Sequence[Sequence[Sequence[int]]] | None = None,
    ) -> tuple[Float[Tensor, "depth batch words dim"], Bool[Tensor, "batch words"]]:
        """Return every layer of each word, and the mask.

        The layers of a frozen biLM stay the same: read each sentence once, keep its layers, and
        give them to `mixed` in every epoch.

        Args:
            sentences: See `forward`.
            spans: See `forward`.

        Raises:
            SentenceError: see `forward`.
            SpanError: see `forward`.
        """
        if self._tokenizer is None:
            self._tokenizer = Tokenizer(self._artifact.pieces_model)
        if spans is None:
            passages = passages_of_words(self._tokenizer, sentences)
        else:
            passages = passages_of_spans(self._tokenizer, sentences, spans)
        questions = [VectorsFor(passage, self._readout) for passage in passages]
        texts = self._framed([question.ids for question in questions])
        artifact = self._present_artifact()
        rows = [
            finished(question.rows(framed, artifact))
            for question, framed in zip(questions, texts, strict=True)
        ]
        return padded(rows, self.bilm.embedding.weight.new_zeros(self._num_layers, 0, self.dim))

    def mixed(
        self, layers: Float[Tensor, "depth batch words dim"]
    ) -> list[Float[Tensor, "batch words dim"]]:
        """Return what each mix makes of the layers, after dropout."""
        return [self.dropout(mix(layers)) for mix in self.mixes]

    def named_mixes(self, *names: str) -> dict[str, dict[str, Any]]:
        """Return what was learned, in the form of `mixes.json` and of the file for `BILM_MIXES`.

        Args:
            names: A name for each mix; by default `elmo`, or `elmo_0`, `elmo_1` and so on.

        Raises:
            MixError: there is not one name for each mix, the artifact has a mix of that name, or
                the service has no such mixes: those of a context or of normalised layers.
        """
        mixes = self._scalar_mixes(names, self._artifact)
        return {name: fields_of(mix) for name, mix in mixes.items()}

    def write_mixes(self, path: str | Path, *names: str) -> None:
        """Add what was learned to a file for `BILM_MIXES`, and keep the other mixes in it.

        If the layers are centred here, requests that use the mixes must set `center` to true.

        Raises:
            MixError: see `named_mixes`; or the file contains something other than mixes.
        """
        mixes = self._scalar_mixes(names, self._artifact)
        add_mixes(Path(path), mixes, self._artifact.mixes)

    def save_artifact(
        self, folder: str | Path, base: str | Path | None = None, mixes: Sequence[str] = ()
    ) -> str:
        """Write the biLM as it is now as an artifact, and return its revision.

        The weights are rounded to bfloat16, the precision of the file.

        Args:
            folder: The folder to write; its name becomes the artifact's name.
            base: The artifact that the card, the mixes and the geometry come from; None for the
                one that was loaded.
            mixes: Names under which the learned mixes are saved in the artifact.

        Raises:
            ArtifactError: the base cannot be loaded, a weight is not finite, or the folder cannot
                be replaced.
            ConfigError: the base has other sizes or another vocabulary.
            MixError: see `named_mixes`.
        """
        facts = self._artifact if base is None else load_artifact(base)
        own = self._artifact.config, self._artifact.pieces_model
        if (facts.config, facts.pieces_model) != own:
            raise ConfigError(
                f"the base {base} has other sizes or another vocabulary than {self._artifact.id};"
                " name the artifact that was fine-tuned"
            )
        learned = self._scalar_mixes(mixes, facts) if mixes else {}
        parts = replace(facts, model=self.bilm, heads=self.heads)
        return save_fine_tuned(parts, Path(folder), learned)

    def train(self, mode: bool = True) -> "Elmo":
        """Set the mode, which decides about the dropout of the mixed vectors.

        The biLM stays in training mode. It has no dropout of its own, and cuDNN computes the
        gradient of an LSTM in no other mode.
        """
        super().train(mode)
        self.bilm.train()
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Elmo":
        """Move or convert the weights, and drop what was made of them: it may never be read again.

        torch calls this for `to`, `cuda`, `half` and the like, also of a network around this layer.
        """
        self._encoder = None
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch's stubs
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what cannot be pickled and is made again when it is needed."""
        return {**self.__dict__, "_encoder": None, "_tokenizer": None}

    def _framed(self, texts: Sequence[Sequence[int]]) -> list[Float[Tensor, "depth framed dim"]]:
        """Return all representations of each text, with those of its two boundary pieces."""
        if self._reads_fast():
            encoder = self._fast_encoder()
            with encoder.warming():
                found = encoder.represent(texts)
            # Autograd refuses to keep tensors of inference mode.
            return [framed.clone() for framed in found]
        config = self._artifact.config
        by_number = dict(read_padded(self.bilm, [config.framed(ids) for ids in texts]))
        return [by_number[number] for number in range(len(texts))]

    def _reads_fast(self) -> bool:
        weight = self.bilm.embedding.weight
        if weight.device.type != "cpu" or weight.dtype != torch.float32:
            return False
        return not torch.is_grad_enabled() or not any(
            parameter.requires_grad for parameter in self.bilm.parameters()
        )

    def _fast_encoder(self) -> Encoder:
        """Return the encoder of the biLM; it notices by itself that weights have changed."""
        if self._encoder is None or self._encoder.artifact.model is not self.bilm:
            self._encoder = Encoder(replace(self._artifact, model=self.bilm))
        return self._encoder

    def _present_artifact(self) -> Artifact:
        """Return the artifact with the parts of this module, wherever it has been moved."""
        artifact = replace(self._artifact, model=self.bilm, heads=self.heads)
        if self._readout.center:
            return replace(artifact, geometry=Geometry(self.center, self.bound))
        return artifact

    def _scalar_mixes(self, names: Sequence[str], base: Artifact) -> dict[str, ScalarMix]:
        number = len(self.mixes)
        if not names:
            names = ["elmo"] if number == 1 else [f"elmo_{mix}" for mix in range(number)]
        if len(set(names)) != number or len(names) != number:
            raise MixError(f"the names are {names}; give {number} different ones, one for each mix")
        refuse_taken(names, base.mixes)
        return {name: self._scalar_mix(mix) for name, mix in zip(names, self.mixes, strict=True)}

    def _scalar_mix(self, mix: nn.Module) -> ScalarMix:
        assert isinstance(mix, LearnedMix), "another kind of mix; this is a bug"
        if mix.layer_norm or self._readout.has_context:
            kind = "normalised layers" if mix.layer_norm else "layers and the context"
            raise MixError(
                f"this mix is one of {kind}; the service mixes the layers as they are: load Elmo"
                " with layer_norm=False and context=False"
            )
        weights = mix.w.detach().double().softmax(0)
        return ScalarMix(tuple(weights.tolist()), float(mix.gamma.detach()))


def _check(num_output_representations: int, dropout: float) -> None:
    if type(num_output_representations) is not int or num_output_representations < 1:
        raise ConfigError(
            f"num_output_representations is {num_output_representations!r}; it must be a whole"
            " number of at least 1"
        )
    if not 0 <= dropout < 1:
        raise ConfigError(f"dropout is {dropout!r}; it must be at least 0 and below 1")
