"""List by name what the command line of bulk runs can choose, without loading the modules."""

LEVELS = ("piece", "char", "word", "span", "text")
POOLINGS = ("mean", "max", "first", "last")
FORMATS = ("parquet", "arrow", "hdf5")
