"""Record where and when a run computes, without which its figures are worth little."""

import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch


def provenance(device: torch.device) -> dict[str, str]:
    """Return the commit, the start time in UTC, the hardware and the versions of a run."""
    return {
        "commit": _commit(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": _hardware(device),
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}",
    }


def _commit() -> str:
    """Return the commit of the code, marked as dirty where biLM or training differ from it."""
    changed = _git("status", "--porcelain", "--", "biLM", "training")
    return (_git("describe", "--always") or "unknown") + ("-dirty" if changed else "")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent.parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:  # a machine without git, such as a slim image
        return ""


def _hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.machine()
    capability = torch.backends.cpu.get_cpu_capability()
    return f"{name}, {torch.get_num_threads()} threads, {capability}"
