"""How figures are taken together and shown: percentiles, a table of ours beside a peer's, the machine they are from.

Knows numbers and Markdown; refuses to know what was measured.
"""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median, quantiles

import psutil

PACKAGES = (
    "langgraph",
    "langgraph-checkpoint-sqlite",
    "langchain-core",
    "fastapi",
    "uvicorn",
    "uvloop",
    "sqlmodel",
    "sqlalchemy",
    "chromadb",
    "sentence-transformers",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; what does not apply stays empty."""

    what: str
    ours: str
    peer: str = ""
    ratio: str = ""
    budget: str = ""


def as_table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | ours | peer | ratio | budget |", "|---|---|---|---|---|"]
    for row in rows:
        cells = (row.what, row.ours, row.peer, row.ratio, row.budget)
        lines.append("| " + " | ".join(cell or "–" for cell in cells) + " |")
    return "\n".join(lines)


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def in_ms(seconds: Sequence[float]) -> str:
    """Median and 95th percentile in milliseconds, with their number."""
    return f"p50 {median(seconds) * 1000:.1f} ms, p95 {p95(seconds) * 1000:.1f} ms ({len(seconds)})"


def in_s(seconds: Sequence[float]) -> str:
    """Median and 95th percentile in seconds, with their number."""
    return f"p50 {median(seconds):.2f} s, p95 {p95(seconds):.2f} s ({len(seconds)})"


def in_percent(share: float) -> str:
    """A share in 0..1 as a percentage."""
    return f"{share:.1%}"


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """The median of the ratios, pair by pair: both of a pair met the same machine."""
    return f"{median(a / b for a, b in zip(ours, theirs, strict=True)):.2f} ×"


def machine() -> str:
    """The machine and the versions that every figure of this run depends on."""
    memory_gb = psutil.virtual_memory().total / 1e9
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory_gb:.0f} GB, {platform.system()}"
        f" {platform.release().split('-')[0]}, Python {platform.python_version()};"
        f" {', '.join(f'{name} {version(name)}' for name in PACKAGES)}"
    )


def load() -> str:
    """How busy the machine is with other things, where this is asked before anything is measured."""
    return f"Load average before it {os.getloadavg()[0]:.1f}"
