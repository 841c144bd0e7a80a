"""Plot the loss of a run from its log."""

from pathlib import Path

import matplotlib as mpl

from biLM.network.heads import SIDES

from .journal import read_log

mpl.use("agg")  # draws files and never opens a window
from matplotlib import pyplot as plt


def plot_loss(folder: Path) -> Path:
    """Plot training and held-out loss against the pieces seen; return the path of the file."""
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    training, scores = read_log(folder, "train"), read_log(folder, "score")
    for side in SIDES:
        key = f"{side}_nats"
        millions = [entry["pieces"] / 1e6 for entry in training]
        label = f"{side}, training (as optimised)"
        axes.plot(millions, [entry[key] for entry in training], lw=0.6, alpha=0.6, label=label)
        millions = [entry["pieces"] / 1e6 for entry in scores]
        label = f"{side}, held out (full softmax)"
        axes.plot(millions, [entry[key] for entry in scores], marker=".", label=label)
    axes.set(xlabel="million pieces seen", ylabel="nats per piece")
    axes.set_ylim(top=max([entry["forward_nats"] for entry in scores], default=8.0) + 0.5)
    axes.legend(frameon=False)
    path = folder / "loss.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
