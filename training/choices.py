"""What a command line of training may choose from, by name: known without loading what is named."""

LSTM = "lstm"  # the cell of biLM, and of every artifact
CELLS = (LSTM, "peephole", "gru", "rnn")
STRATEGIES = ("greedy", "sample", "beam")
EXPERIMENTS = ("cells", "gradients", "clipping", "copying", "inputs", "directions")
