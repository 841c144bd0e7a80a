"""A bidirectional LSTM language model whose layers are contextual vectors (Peters et al. 2018)."""
