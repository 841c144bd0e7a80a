"""Write a BERT with random weights, about as many as zh-small has, to compare servers.

python benchmarks/random_bert.py FOLDER

This needs transformers. The model has 12.5 million weights, and the time of a request does not
depend on their values. The tokenizer has one piece per character.
"""

import importlib
import sys
import tempfile
from pathlib import Path

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PIECES = (
    *SPECIALS,
    *map(chr, range(0x21, 0x7F)),
    *"，。！？、；：",
    *map(chr, range(0x4E00, 0x8898)),
)
SIZES = {
    "hidden_size": 320,
    "num_hidden_layers": 6,
    "num_attention_heads": 5,
    "intermediate_size": 1280,
}


def main(out: Path) -> None:
    """Write the model and its tokenizer."""
    transformers = importlib.import_module("transformers")
    with tempfile.TemporaryDirectory() as folder:
        vocabulary = Path(folder) / "vocab.txt"
        vocabulary.write_text("\n".join(PIECES), "utf-8")
        transformers.BertTokenizerFast(str(vocabulary)).save_pretrained(out)
    config = transformers.BertConfig(vocab_size=len(PIECES), **SIZES)
    transformers.BertModel(config).save_pretrained(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
