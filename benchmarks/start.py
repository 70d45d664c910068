"""From the command to a server that is ready, and the memory it holds then, after a song and after a playlist.

The peer is a bare process that imports the third-party packages and does nothing else: no server of this stack can
start sooner. Run it as `python -m benchmarks.start`.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from benchmarks.figures import Row, as_table, in_s, load, machine, ratio_of
from benchmarks.servers import ROOT, Server, environment, product

REPETITIONS = 5
IMPORTS = (
    "langgraph.graph",
    "langgraph.checkpoint.base",
    "langchain_core.language_models.chat_models",
    "fastapi",
    "uvicorn",
    "sqlmodel",
)
_FLOOR = f"import {', '.join(IMPORTS)}, psutil; print(psutil.Process().memory_info().rss / 1e6)"
SONG: dict[str, Any] = {"prompt": "The last train home in the rain", "structure": "pop", "seed": 1}
PLAYLIST: dict[str, Any] = {"text": "Tired but happy after a long day, I want to wind down", "count": 10, "seed": 1}


@dataclass(slots=True)
class Series:
    """Seconds taken and megabytes held then, one pair a repetition."""

    seconds: list[float] = field(default_factory=list[float])
    megabytes: list[float] = field(default_factory=list[float])

    def add(self, took_s: float, rss_mb: float) -> None:
        """Keep one repetition's."""
        self.seconds.append(took_s)
        self.megabytes.append(rss_mb)


@dataclass(slots=True)
class Figures:
    """What is measured, in the order of a repetition."""

    imports: Series = field(default_factory=Series)
    new_home: Series = field(default_factory=Series)
    kept_home: Series = field(default_factory=Series)
    song: Series = field(default_factory=Series)
    next_song: Series = field(default_factory=Series)
    playlist: Series = field(default_factory=Series)
    next_playlist: Series = field(default_factory=Series)
    warming: Series = field(default_factory=Series)


def measure_once(home: Path, figures: Figures) -> None:
    """Each kind of start once, in turn; the home is new at first."""
    _import(home, figures.imports)
    with product(home) as server:
        figures.new_home.add(server.wait_until_ready(), server.rss_mb)
    with product(home) as server:
        figures.kept_home.add(server.wait_until_ready(), server.rss_mb)
        _ask(server, "/generate", SONG, figures.song)
        _ask(server, "/generate", SONG, figures.next_song)
        _ask(server, "/recommend", PLAYLIST, figures.playlist)
        _ask(server, "/recommend", PLAYLIST, figures.next_playlist)
    with product(home, warm_embedder=True) as server:
        figures.warming.add(server.wait_until_ready(), server.rss_mb)


def _import(home: Path, series: Series) -> None:
    began = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-c", _FLOOR], cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, check=True
    )
    series.add(time.perf_counter() - began, float(told.stdout))


def _ask(server: Server, path: str, body: dict[str, Any], series: Series) -> None:
    began = time.perf_counter()
    response = httpx.post(server.url + path, json=body, timeout=60, trust_env=False)
    took_s = time.perf_counter() - began
    assert response.status_code == 200, f"{path} was answered by {response.status_code}: {response.text[:500]}"
    series.add(took_s, server.rss_mb)


def rows_of(figures: Figures) -> list[Row]:
    """The table's rows."""
    floor = figures.imports
    new, kept, warming = figures.new_home, figures.kept_home, figures.warming
    return [
        Row("start to ready, new home", in_s(new.seconds), *_beside(floor.seconds, new.seconds), "≤ 3 s"),
        Row("start to ready, existing home", in_s(kept.seconds), *_beside(floor.seconds, kept.seconds), "≤ 3 s"),
        Row("start to ready while the embedder is to be warmed (the default)", in_s(warming.seconds), budget="≤ 3 s"),
        Row(
            "memory at ready, embedder not loaded",
            _in_mb(kept.megabytes),
            _in_mb(floor.megabytes),
            ratio_of(kept.megabytes, floor.megabytes),
            "≤ 280 MB",
        ),
        Row("memory after the first songs", _in_mb(figures.next_song.megabytes)),
        Row("memory after the first playlist, embedder loaded", _in_mb(figures.next_playlist.megabytes)),
        Row("first song of 28 lines of a process", in_s(figures.song.seconds)),
        Row("the same song again", in_s(figures.next_song.seconds)),
        Row("first playlist of a process, embedder loaded on the way", in_s(figures.playlist.seconds)),
        Row("the same playlist again", in_s(figures.next_playlist.seconds)),
    ]


def _beside(theirs: Sequence[float], ours: Sequence[float]) -> tuple[str, str]:
    return in_s(theirs), ratio_of(ours, theirs)


def _in_mb(megabytes: Sequence[float]) -> str:
    return f"p50 {median(megabytes):.0f} MB, most {max(megabytes):.0f} MB ({len(megabytes)})"


async def main(*, repetitions: int = REPETITIONS) -> str:
    """Measure and give Markdown."""
    busy, figures = load(), Figures()
    with tempfile.TemporaryDirectory(prefix="songwright-bench-") as name:
        for number in range(repetitions):
            await asyncio.to_thread(measure_once, Path(name) / f"home-{number}", figures)
    said = (
        "`songwright serve` in a process of its own until `/health/ready` answers 200, the files already in the"
        f" system's cache; the peer only imports {', '.join(IMPORTS)}. {busy}."
    )
    return f"{said}\n\n{as_table(rows_of(figures))}"


if __name__ == "__main__":
    print(machine(), asyncio.run(main()), sep="\n\n")
