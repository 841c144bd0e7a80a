"""Run one step of training: `python -m training STEP`."""

# Each step imports what it needs when it runs: torch, sklearn and matplotlib take seconds to
# import, and neither --help nor the refusal of an argument needs them.

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from biLM.errors import BiLMError
from biLM.options import parsed
from biLM.shipped import DEFAULT_MODEL, shipped_models

from .choices import STRATEGIES
from .errors import TrainingError
from .lab import arguments as laboratory
from .run import arguments as runs
from .run.recipes import RECIPES
from .task_mix import arguments as tasks
from .text import arguments as texts
from .text.corpus import build_corpus, training_text
from .text.vocabulary import VocabularyConfig, train_vocabulary

if TYPE_CHECKING:  # only the library's stubs have this name
    Steps = argparse._SubParsersAction[argparse.ArgumentParser]


def main(arguments: Sequence[str] | None = None, prog: str = "python -m training") -> int:
    """Run one step and return the exit status; a refusal prints one line and returns 2."""
    given = parsed(build_parser(prog), arguments)
    try:
        if given.step is not _train:
            _refuse_team()
        given.step(given)
    except (TrainingError, BiLMError) as error:
        _tell(str(error))
        return 2
    return 0


def build_parser(prog: str = "python -m training") -> argparse.ArgumentParser:
    """Return the parser of every step's arguments."""
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    steps = parser.add_subparsers(required=True, metavar="STEP")
    _declare_text_steps(steps)
    _declare_model_steps(steps)
    _declare_all(steps)
    _declare_mix(steps)
    _declare_generate(steps)
    _declare_lab(steps)
    return parser


def _declare_text_steps(steps: "Steps") -> None:
    corpus = steps.add_parser(
        "corpus", help="shuffle the documents of text files and hold some out"
    )
    corpus.add_argument("inputs", type=Path, nargs="+", help=texts.INPUTS)
    corpus.add_argument("--out", type=Path, default=Path("build/corpus"))
    corpus.add_argument(
        "--weight",
        action="append",
        default=[],
        metavar="SOURCE=TIMES",
        help="how many times each document of a source is trained on",
    )
    texts.declare(corpus)
    corpus.set_defaults(step=_corpus)

    vocabulary = steps.add_parser(
        "vocabulary", help="train a sentencepiece model on the training text"
    )
    vocabulary.add_argument("--corpus", type=Path, default=Path("build/corpus"))
    vocabulary.add_argument("--out", type=Path, default=Path("build/pieces.model"))
    vocabulary.add_argument("--num-pieces", type=int, default=VocabularyConfig.num_pieces)
    vocabulary.add_argument(
        "--max-piece-characters", type=int, default=VocabularyConfig.max_piece_characters
    )
    vocabulary.set_defaults(step=_vocabulary)

    shards = steps.add_parser("shards", help="turn the training text into rows of piece ids")
    shards.add_argument("--corpus", type=Path, default=Path("build/corpus"))
    shards.add_argument("--vocabulary", type=Path, default=Path("build/pieces.model"))
    shards.add_argument("--out", type=Path, default=Path("build/shards"))
    shards.add_argument(
        "--max-row-pieces", type=int, default=64, help="the longest row, boundary pieces included"
    )
    shards.add_argument(
        "--one-sentence", action="store_true", help="put only one sentence into a row"
    )
    shards.set_defaults(step=_shards)


def _declare_model_steps(steps: "Steps") -> None:
    training = steps.add_parser("train", help="train a model on shards; resumes by itself")
    runs.declare_train(training)
    training.set_defaults(step=_train)

    packing = steps.add_parser(
        "pack", help="write a run's checkpoint in a small file, to go on with on another machine"
    )
    runs.declare_pack(packing)
    packing.set_defaults(step=_pack)

    unpacking = steps.add_parser("unpack", help="make a run of such a file, for train to go on")
    runs.declare_unpack(unpacking)
    unpacking.set_defaults(step=_unpack)

    averaging = steps.add_parser("average", help="make a run of the mean weights of two models")
    runs.declare_average(averaging)
    averaging.set_defaults(step=_average)

    evaluation = steps.add_parser(
        "evaluate", help="score a run or an artifact: bits per character, senses"
    )
    evaluation.add_argument("run", type=Path, help="the --out of train, or an artifact folder")
    evaluation.add_argument(
        "--shards",
        type=Path,
        help="for a run build/shards if left out; for an artifact none, without held-out text",
    )
    evaluation.add_argument(
        "--senses", type=Path, help="a folder of .jsonl files with word-in-context pairs"
    )
    evaluation.add_argument(
        "--before",
        type=Path,
        metavar="ARTIFACT",
        help="also score this artifact on the held-out text and the pairs, and compare the two",
    )
    evaluation.set_defaults(step=_evaluate)

    exporting = steps.add_parser("export", help="make an artifact folder of an evaluated run")
    exporting.add_argument("run", type=Path, help="the --out of train")
    exporting.add_argument("--shards", type=Path, default=Path("build/shards"))
    exporting.add_argument(
        "--sources", type=Path, help="a JSON list of sources and licences for the card"
    )
    exporting.add_argument("--out", type=Path, required=True)
    exporting.set_defaults(step=_export)

    renewing = steps.add_parser(
        "renew", help="let an existing artifact read texts by the present normaliser"
    )
    renewing.add_argument("artifact", type=Path)
    renewing.add_argument("--out", type=Path, required=True, help="the folder; may be the same")
    renewing.set_defaults(step=_renew)

    polysemy = steps.add_parser("polysemy", help="write a sheet about words of several senses")
    polysemy.add_argument("artifact", type=Path)
    polysemy.add_argument("--shards", type=Path, default=Path("build/shards"))
    polysemy.add_argument("--words", nargs="+")
    polysemy.add_argument("--out", type=Path, required=True, help="the folder of the sheet")
    polysemy.set_defaults(step=_polysemy)


def _declare_all(steps: "Steps") -> None:
    everything = steps.add_parser("all", help="make an artifact from text files in a given time")
    everything.add_argument(
        "--corpus", type=Path, nargs="+", required=True, metavar="PATH", help=texts.INPUTS
    )
    everything.add_argument("--out", type=Path, required=True, help="the artifact folder")
    everything.add_argument("--minutes", type=float, default=30.0, help="time for all steps")
    everything.add_argument("--recipe", choices=sorted(RECIPES), default="small")
    everything.add_argument("--work", type=Path, help="folder of intermediate files; build/NAME")
    everything.add_argument(
        "--init-from",
        metavar="ARTIFACT",
        help="train this artifact further: a folder, or the name of a shipped model, zh-small",
    )
    everything.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a value of the recipe, such as cell_size=256",
    )
    texts.declare(everything)
    everything.set_defaults(step=_all)


def _declare_mix(steps: "Steps") -> None:
    mix = steps.add_parser("fit-mix", help="learn a mix of layers from labelled texts")
    tasks.declare(mix)
    mix.set_defaults(step=_fit_mix)


def _declare_generate(steps: "Steps") -> None:
    generation = steps.add_parser("generate", help="continue a text with an artifact")
    generation.add_argument("--artifact", type=Path, required=True)
    generation.add_argument("--text", required=True, help="the beginning; may be empty")
    generation.add_argument("--max-pieces", type=int, default=20, help="the longest continuation")
    generation.add_argument("--strategy", choices=STRATEGIES, default="greedy")
    generation.add_argument("--temperature", type=float, help="for sample; default: 1")
    generation.add_argument("--top-k", type=int, help="for sample; default: 50")
    generation.add_argument("--seed", type=int, help="for sample; default: 0")
    generation.add_argument("--num-beams", type=int, help="for beam; default: 4")
    generation.add_argument("--num-completions", type=int, help="for sample and beam; default: 1")
    generation.set_defaults(step=_generate)


def _declare_lab(steps: "Steps") -> None:
    lab = steps.add_parser("lab", help="report what recurrent cells can do on a text")
    laboratory.declare(lab)
    lab.set_defaults(step=_lab)


def _refuse_team() -> None:
    from .run.distributed import is_team

    if is_team():
        raise TrainingError(
            "only the step train runs in several processes; start this step without torchrun"
        )


def _corpus(given: argparse.Namespace) -> None:
    config = replace(texts.config_of(given), weights=dict(map(_weight, given.weight)))
    for note in build_corpus(given.inputs, given.out, config).notes:
        _tell(note)


def _weight(written: str) -> tuple[str, float]:
    source, _, times = written.partition("=")
    try:
        return source, float(times)
    except ValueError as error:
        raise TrainingError(
            f"--weight is {written!r}; write SOURCE=TIMES, for example news=2"
        ) from error


def _tell(message: str) -> None:
    print(f"training: {message}", file=sys.stderr)  # noqa: T201


def _vocabulary(given: argparse.Namespace) -> None:
    config = VocabularyConfig(
        num_pieces=given.num_pieces, max_piece_characters=given.max_piece_characters
    )
    train_vocabulary(training_text(given.corpus), given.out, config)


def _shards(given: argparse.Namespace) -> None:
    from .text.shards import build_shards

    layout = given.max_row_pieces, given.one_sentence
    build_shards(given.corpus, given.vocabulary, given.out, *layout)


def _train(given: argparse.Namespace) -> None:
    from biLM.artifact import load_artifact

    from .run.distributed import leads
    from .run.initial import adapted
    from .run.loop import train
    from .run.loss_plot import plot_loss
    from .text.shards import Shards

    recipe, initial = RECIPES[given.recipe](), None
    if given.init_from:
        initial = load_artifact(given.init_from)
        recipe = adapted(recipe, initial)
    train(recipe.changed(given.set), Shards(given.shards), given.out, initial)
    if leads():
        plot_loss(given.out)


def _pack(given: argparse.Namespace) -> None:
    from .run.packing import pack

    packed = pack(given.run, given.out, given.plateau)
    _tell(f"{given.out} has the run after {packed.progress.pieces:,} pieces")


def _unpack(given: argparse.Namespace) -> None:
    from .run.packing import unpack

    whole = unpack(given.file, given.out)
    _tell(f"{given.out} has the run after {whole.progress.pieces:,} pieces; train goes on from it")


def _average(given: argparse.Namespace) -> None:
    from .run.averaging import average

    average(given.run, given.other, given.out, given.share)


def _evaluate(given: argparse.Namespace) -> None:
    from biLM.artifact import CONFIG, load_artifact

    from .result.evaluate import evaluate, evaluate_artifact
    from .text.shards import Shards

    before = load_artifact(given.before) if given.before else None
    if (given.run / CONFIG).exists():
        shards = Shards(given.shards) if given.shards else None
        figures = evaluate_artifact(load_artifact(given.run), shards, given.senses, before)
    else:
        shards = Shards(given.shards or Path("build/shards"))
        figures = evaluate(given.run, shards, given.senses, before)
    print(json.dumps(figures, indent=2))  # noqa: T201


def _export(given: argparse.Namespace) -> None:
    from .result.export import export
    from .text.shards import Shards

    revision = export(given.run, Shards(given.shards), given.out, given.sources)
    print(f"{given.out} {revision}")  # noqa: T201


def _renew(given: argparse.Namespace) -> None:
    from .result.renewal import renew

    print(f"{given.out} {renew(given.artifact, given.out)}")  # noqa: T201


def _polysemy(given: argparse.Namespace) -> None:
    from biLM.encoder import Encoder

    from .result.polysemy import WORDS, write_sheet
    from .text.shards import Shards

    words = given.words or WORDS
    write_sheet(Encoder.load(given.artifact), Shards(given.shards), words, given.out)


def _all(given: argparse.Namespace) -> None:
    from biLM.artifact import load_artifact

    from .order import Order
    from .pipeline import fulfil

    shipped = DEFAULT_MODEL in shipped_models() and not given.init_from
    order = Order(
        inputs=given.corpus,
        out=given.out,
        work=given.work or Path("build") / given.out.name,
        minutes=given.minutes,
        recipe=RECIPES[given.recipe](),
        initial=load_artifact(given.init_from) if given.init_from else None,
        shipped=load_artifact(DEFAULT_MODEL) if shipped else None,
        settings=tuple(given.set),
        corpus=texts.config_of(given),
    )
    revision = fulfil(order, _tell)
    print(f"{given.out} {revision}")  # noqa: T201


def _fit_mix(given: argparse.Namespace) -> None:
    from biLM.encoder import Encoder

    from .task_mix.mix import NamedMix, TaskMixConfig, best_of, compare, report
    from .task_mix.tasks import read_task, split_task

    encoder = Encoder.load(given.artifact, "auto")
    named = NamedMix(given.name, encoder.artifact)
    if given.out:
        named.others_of(given.out)  # refuses a file of another kind before the work begins
    encoder.warm_up()
    seeds = TaskMixConfig.seeds if given.seeds is None else given.seeds
    config = TaskMixConfig(center=not given.raw, seeds=seeds)
    paths = [given.task, *([given.test] if given.test else [])]
    columns = given.text_column, given.label_column
    tasks = read_task(encoder, paths, *columns, config.center)
    train_part, test_part = tasks if given.test else split_task(tasks[0])
    found = compare(train_part, test_part, config)
    print(report(found))  # noqa: T201
    mix = best_of(found["learned"])
    if given.out:
        named.add_to(given.out, mix)
        _tell(f"serve it: BILM_MIXES={given.out}, and request the mix {given.name!r}")
    else:
        print(f"{given.artifact_out} {named.save_with(given.artifact_out, mix)}")  # noqa: T201
        _tell(f"serve it: BILM_MODEL={given.artifact_out} scripts/serve")


def _generate(given: argparse.Namespace) -> None:
    from .result.generate import generate, strategy_of

    names = ("temperature", "top_k", "seed", "num_beams", "num_completions")
    values = {name: getattr(given, name) for name in names if getattr(given, name) is not None}
    strategy = strategy_of(given.strategy, values)
    for line in generate(given.artifact, given.text, strategy, given.max_pieces):
        print(line)  # noqa: T201


def _lab(given: argparse.Namespace) -> None:
    from .lab.command import run

    print(run(given, _tell))  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
