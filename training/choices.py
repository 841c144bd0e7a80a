"""List by name what the commands of training can choose, without loading the modules."""

# This is the cell of biLM and of every artifact.
LSTM = "lstm"
CELLS = (LSTM, "peephole", "gru", "rnn")
STRATEGIES = ("greedy", "sample", "beam")
EXPERIMENTS = ("cells", "gradients", "clipping", "copying", "inputs", "directions")
DOCUMENTS = ("file", "line", "blank-line")
# What a corpus holds out: blocks of consecutive documents, or each document by itself.
BLOCKS, SINGLE_DOCUMENTS = "blocks", "documents"
SPLITS = (BLOCKS, SINGLE_DOCUMENTS)
