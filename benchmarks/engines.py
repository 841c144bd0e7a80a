"""Compare ways to run the four LSTMs on this processor, by speed and by exactness.

python -m benchmarks.engines models/zh-small --tasks TASKS --senses SENSES

    nn.LSTM          torch's own layers, in either precision
    laid out once    `ReadingLayer`, with which the service reads, in either precision
    two threads      the same, each direction on a thread of its own with half of the cores
    int8             torch's dynamic quantisation
    compiled         torch.compile, in bfloat16
    ONNX Runtime     the same layers as an ONNX graph, float32; if it is installed
    OpenVINO         the same graph; if it is installed

The columns are:

* pieces/s over texts of two tasks in the strips of the encoder, each from a zero state, without
  padding; the ways take turns, and the best of several turns counts;
* milliseconds for one text of 12 pieces;
* the lowest cosine of a vector of layer 2 with that of nn.LSTM in float32;
* whether a row has the same bits alone, among eight rows and among all.

Cosine and bits are those of the strip with the most rows, forward. After the table come the AUC on
sense pairs in both precisions and the largest difference. Run it with nothing else on the machine.
"""

import argparse
import importlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.encoder import some_texts
from benchmarks.timing import seconds_of
from biLM.encoder import Encoder
from biLM.network.lstm import LstmStack
from biLM.network.model import CHUNK_PIECES, BiLM
from biLM.reading.batch import SHAPES, batches
from biLM.reading.layer import ReadingLayer
from training.result.senses import read_folder, score_senses
from training.run.provenance import provenance

TURNS = 5
RUNS_OF_ONE = 30
# The columns of a text of 12 pieces with its two boundaries.
ONE_TEXT = 14
# ONNX orders the gates i, o, f, g; torch orders them i, f, g, o.
GATES_OF_ONNX = (0, 3, 1, 2)
# Computes the output of the top layer from embedded rows.
Top = Callable[[Tensor], Tensor]
# Computes the same for the rows of both directions.
Both = Callable[[Tensor, Tensor], Sequence[Tensor]]


def main() -> None:
    """Print the table, then the AUC on sense pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--tasks", type=Path, required=True)
    parser.add_argument("--senses", type=Path, required=True)
    given = parser.parse_args()
    encoder = Encoder.load(given.artifact)
    print(provenance(torch.device("cpu")))
    texts = [encoder.pieces(text).ids for text in some_texts(given.tasks)]
    with torch.inference_mode():
        compare(encoder.artifact.model, texts)
    scores = {
        precision: senses(Encoder.load(given.artifact, precision), given.senses)
        for precision in ("float32", "bfloat16")
    }
    for name, auc in scores["float32"].items():
        print(f"{name:40} float32 {auc:.4f}  bfloat16 {scores['bfloat16'][name]:.4f}")
    largest = max(abs(auc - scores["bfloat16"][name]) for name, auc in scores["float32"].items())
    print(f"largest difference of {len(scores['float32'])} {largest:.4f}")


def compare(model: BiLM, texts: Sequence[tuple[int, ...]]) -> None:
    """Print a line for each way."""
    framed = [[1, *ids, 2] for ids in texts]
    blocks = [
        model.embedding(torch.from_numpy(batch.ids[strip]))
        for batch in batches(framed, SHAPES)
        for strip in batch.strips
    ]
    highest = max(blocks, key=len)
    engines, pieces = ways(model), sum(map(len, texts))
    exact = engines["nn.LSTM float32"](highest, highest)[0]
    best = dict.fromkeys(engines, float("inf"))
    for turn in range(TURNS + 1):
        for name, both in engines.items():
            took = seconds_of(lambda both=both: [both(block, block) for block in blocks])
            best[name] = min(best[name], took) if turn else best[name]
    one = highest[:1, :1].expand(1, ONE_TEXT, -1).contiguous()
    for name, both in engines.items():
        alone = min(seconds_of(lambda both=both: both(one, one)) for _ in range(RUNS_OF_ONE))
        found = both(highest, highest)[0]
        cosine = nn.functional.cosine_similarity(found.float(), exact, dim=-1).min()
        bits = "same bits" if has_same_bits(both, highest) else "OTHER BITS"
        print(
            f"{name:24} {pieces / best[name]:9,.0f} pieces/s {1e3 * alone:7.2f} ms"
            f"   cosine {cosine:.5f}   {bits}"
        )


def ways(model: BiLM) -> dict[str, Both]:
    """Return every way whose packages are installed, by name."""
    stacks = model.forward_lm, model.backward_lm
    low = [deepcopy(stack).to(torch.bfloat16) for stack in stacks]
    exact, fast = ([laid_out(s, d) for s in stacks] for d in (torch.float32, torch.bfloat16))
    quantised = [torch.ao.quantization.quantize_dynamic(s, {nn.LSTM}) for s in stacks]
    compiled = [torch.compile(top_of(stack), dynamic=True) for stack in low]
    found = {
        "nn.LSTM float32": in_turns(list(map(top_of, stacks))),
        "nn.LSTM bfloat16": in_turns([rounded(top_of(stack)) for stack in low]),
        "laid out once, float32": in_turns(exact),
        "laid out once, bfloat16": in_turns(fast),
        "two threads, bfloat16": side_by_side(fast),
        "int8": in_turns(list(map(top_of, quantised))),
        "compiled, bfloat16": in_turns(list(map(rounded, compiled))),
    }
    for name, load in (("ONNX Runtime", with_onnxruntime), ("OpenVINO", with_openvino)):
        try:
            found[name] = in_turns([load(stack) for stack in stacks])
        except ImportError as error:
            print(f"{name}: {error}")
    return found


def top_of(stack: LstmStack) -> Top:
    """Return a function that computes the output of a stack's top layer."""
    return lambda x: stack(x, CHUNK_PIECES)[-1]


def laid_out(stack: LstmStack, dtype: torch.dtype) -> Top:
    """Return the same function with the service's `ReadingLayer` in place of torch's layers."""
    layers = [ReadingLayer(layer, dtype) for layer in stack.layers]

    def run(x: Tensor) -> Tensor:
        x = x.transpose(0, 1).to(dtype)
        for number, layer in enumerate(layers):
            output, _ = layer(x, layer.zero_state(x.shape[1]))
            x = output + x if number else output
        return x.transpose(0, 1).float()

    return run


def rounded(top: Top) -> Top:
    """Return the same function on rows that are rounded to bfloat16."""
    return lambda x: top(x.bfloat16())


def in_turns(tops: Sequence[Top]) -> Both:
    """Return a function that runs one direction after the other, each with all cores."""
    return lambda *rows: [top(x) for top, x in zip(tops, rows, strict=True)]


def side_by_side(tops: Sequence[Top]) -> Both:
    """Return a function that runs each direction on its own thread, with half of the cores."""
    half = max(1, torch.get_num_threads() // 2)
    threads = ThreadPoolExecutor(2, initializer=torch.set_num_threads, initargs=(half,))

    def run(top: Top, x: Tensor) -> Tensor:
        with torch.inference_mode():
            return top(x)

    return lambda *rows: list(threads.map(run, tops, rows))


def with_onnxruntime(stack: LstmStack) -> Top:
    """Return a stack that ONNX Runtime runs."""
    onnxruntime = importlib.import_module("onnxruntime")
    session = onnxruntime.InferenceSession(as_onnx(stack).SerializeToString())
    return lambda x: torch.from_numpy(session.run(None, {"x": x.transpose(0, 1).numpy()})[0])


def with_openvino(stack: LstmStack) -> Top:
    """Return a stack that OpenVINO runs, in the precision that it chooses."""
    openvino = importlib.import_module("openvino")
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(as_onnx(stack).SerializeToString()), "CPU")
    return lambda x: torch.from_numpy(compiled([x.transpose(0, 1).contiguous().numpy()])[0])


def as_onnx(stack: LstmStack) -> Any:
    """Convert a stack to an ONNX model with time-first input and batch-first output.

    The model takes any number of rows and columns, and returns the output of the top layer.
    """
    onnx = importlib.import_module("onnx")
    helper, nodes, weights, x = onnx.helper, [], [], "x"
    weights.append(onnx.numpy_helper.from_array(np.array([1]), "axis"))
    for number, layer in enumerate(stack.layers):
        w, r, *biases = (p.detach().unflatten(0, (4, -1)) for p in layer.parameters())
        named = {"w": w, "r": r, "b": torch.cat([bias[[*GATES_OF_ONNX]] for bias in biases])}
        for name, weight in named.items():
            ordered = weight if name == "b" else weight[[*GATES_OF_ONNX]]
            array = ordered.flatten(0, 1)[None].numpy()
            weights.append(onnx.numpy_helper.from_array(array, f"{name}{number}"))
        inputs = [x, *(f"{name}{number}" for name in named)]
        size = stack.layers[0].hidden_size
        nodes.append(helper.make_node("LSTM", inputs, [f"y{number}"], hidden_size=size))
        nodes.append(helper.make_node("Squeeze", [f"y{number}", "axis"], [f"h{number}"]))
        below, x = x, f"h{number}"
        if number:
            nodes.append(helper.make_node("Add", [x, below], [f"sum{number}"]))
            x = f"sum{number}"
    nodes.append(helper.make_node("Transpose", [x], ["rows"], perm=[1, 0, 2]))
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, None, width])
        for name, width in (("x", stack.layers[0].input_size), ("rows", size))
    ]
    graph = helper.make_graph(nodes, "stack", ends[:1], ends[1:], weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return made


def has_same_bits(both: Both, block: Tensor) -> bool:
    """Return whether rows alone, and eight rows together, have the same bits as among all rows."""
    together = both(block, block)[0]
    few = [slice(row, row + size) for size in (1, 8) for row in range(0, len(block), 8)]
    return all(torch.equal(both(block[s], block[s])[0], together[s]) for s in few)


def senses(encoder: Encoder, folder: Path) -> dict[str, float]:
    """Compute the AUC of every representation on every file of pairs."""
    encoder.warm_up()
    return {
        f"{file}, {name}": score.auc
        for file, pairs in read_folder(folder).items()
        for name, score in score_senses(encoder, pairs, encoder.artifact.mixes).items()
    }


if __name__ == "__main__":
    main()
