"""Serve the model in the simplest way: FastAPI and torch in float32, without batching.

uvicorn benchmarks.ten_lines:app
"""

from pathlib import Path
from typing import Annotated

import torch
from fastapi import Body, FastAPI

from biLM.artifact import load_artifact
from biLM.tokenizer import Tokenizer

app = FastAPI()
artifact = load_artifact(Path("models/zh-small"))
tokenizer = Tokenizer(artifact.pieces_model)
weights = torch.tensor(artifact.mixes["default"].weights)


@app.post("/embed")
@torch.no_grad()
def embed(texts: Annotated[list[str], Body(embed=True)]) -> list[list[list[float]]]:
    """Return a vector for each piece of each text."""
    ids = [torch.tensor([1, *tokenizer.encode(text).ids, 2]) for text in texts]
    lengths = torch.tensor([len(row) for row in ids])
    layers = artifact.model(torch.nn.utils.rnn.pad_sequence(ids, batch_first=True), lengths)
    mixed = torch.einsum("j,jbtd->btd", weights, layers)
    return [row[1 : len(own) - 1].tolist() for row, own in zip(mixed, ids, strict=True)]
