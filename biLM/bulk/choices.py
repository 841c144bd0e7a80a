"""What the command line may choose from, by name: known without loading what is named."""

LEVELS = ("piece", "char", "word", "span", "text")
POOLINGS = ("mean", "max", "first", "last")
FORMATS = ("parquet", "arrow", "hdf5")
