"""What a full song by the embedded writer costs, and how well it keeps to its form, measured on many briefs.

The words are judged by `songwright.rhyme` and `songwright.meter` alone. Run it as `python -m benchmarks.song`.
"""

import asyncio
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import orjson

from agents.critic import required_pairs
from api import logs
from benchmarks.figures import Row, as_table, in_ms, in_percent, in_s, load, machine
from benchmarks.servers import opened, settings_at
from graphs.coordinator import BRIEF, NAME, recipe
from graphs.studio import Order, Studio
from songwright import meter, rhyme
from songwright.form import STRUCTURES
from songwright.rhyme import Grade
from songwright.settings import LoggingSettings
from songwright.song import Brief, SectionKind

STRUCTURE = "pop"
LINES = 28
WARM_UP = 3  # songs, of briefs of their own
DISTINCT_LINES = 16
RUN_S = 60.0  # a song that takes longer is a fault
SECOND_SEED = 1_000
CHORUSES = (SectionKind.CHORUS, SectionKind.HOOK)
BRIEFS = (
    "Leaving the village where everyone knows my name",
    "My daughter learns to ride a bike",
    "The last train home in the rain",
    "We danced in the kitchen while the bread was rising",
    "A lighthouse keeper who misses the sea he looks at",
    "I found your letters in a box under the stairs",
    "Two friends drive all night to see the desert",
    "The night shift at the hospital and the sunrise after it",
    "My father's hands and the garden he left me",
    "Falling in love with someone at the bus stop",
    "A storm that took the roof and spared the piano",
    "Moving into a flat with no furniture and one candle",
    "The summer we swam in the quarry",
    "I am angry at a city that forgot its river",
    "An old dog waiting by the door",
    "The first snow after the funeral",
    "She sells flowers outside the station",
    "Working two jobs and dreaming of a boat",
    "Learning to say sorry before it is too late",
    "A soldier writes home about the stars",
    "The baker who opens at four in the morning",
    "Our band breaks up after the best show",
    "A phone that never rings since you moved away",
    "Growing older and liking it",
    "The market at noon, all colour and noise",
    "I lost my way in the mountains and found a house with light",
    "A wedding in the barn with borrowed shoes",
    "Waiting for test results",
    "The fisherman and his son do not talk",
    "Freedom on a motorbike along the coast",
    "A grandmother's recipe that nobody wrote down",
    "The last day of school",
    "Homesick in a town of glass",
    "Peace after a long quarrel",
    "A street musician and a child who stops to listen",
    "Planting trees I will not see grow",
    "The ship that brought my family here",
    "Insomnia and the neighbour's radio",
    "Hope in a small room with a big window",
    "Dancing alone because the song is good",
)


@dataclass(frozen=True, slots=True)
class Written:
    """One song and what it cost; `sections` are those with words of their own, in singing order."""

    total_s: float
    first_token_s: float
    cpu_s: float
    line_count: int  # as sung
    sections: tuple["Stanza", ...]
    sung_verses: tuple[str, ...]  # the lines outside choruses as sung, repeats among them

    @property
    def lines(self) -> list[str]:
        """Every line once."""
        return [line for stanza in self.sections for line in stanza.lines]

    @property
    def verse_lines(self) -> list[str]:
        """The lines outside choruses."""
        return [line for stanza in self.sections if not stanza.is_chorus for line in stanza.lines]


@dataclass(frozen=True, slots=True)
class Stanza:
    """The lines of a section beside what was planned for them."""

    is_chorus: bool
    scheme: str
    syllables: tuple[int, ...]
    lines: tuple[str, ...]


async def write(studio: Studio, prompt: str, *, seed: int) -> Written:
    """One song through Studio, followed to its end."""
    brief = Brief(prompt, genre=STRUCTURE, structure=STRUCTURES[STRUCTURE], seed=seed)
    order_input = {"brief": BRIEF.dump_python(brief, mode="json"), "model": "embedded"}
    cpu_began, began = time.process_time(), time.perf_counter()
    first_token_s = 0.0
    result: Any = None
    run = await studio.start(Order(studio.local_user_id, NAME, "generate", order_input, prompt))
    async with asyncio.timeout(RUN_S):
        async for _seq, kind, stored in studio.follow(run.id):
            if kind == "token":
                first_token_s = first_token_s or time.perf_counter() - began
            elif kind == "run_finished":
                result = orjson.loads(stored)
    total_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    assert result is not None, f"No song was written for {prompt!r}."
    assert result["status"] == "succeeded", f"The run for {prompt!r} ended as {result['status']}."
    sung, plan = result["lyrics"]["sections"], result["plan"]["sections"]
    stanzas = tuple(
        Stanza(
            is_chorus=planned["kind"] in CHORUSES,
            scheme=planned["scheme"],
            syllables=tuple(planned["syllables"]),
            lines=tuple(line["text"] for line in section["lines"]),
        )
        for planned, section in zip(plan, sung, strict=True)
        if planned["repeats"] is None
    )
    verses = tuple(line["text"] for section in sung if section["kind"] not in CHORUSES for line in section["lines"])
    return Written(total_s, first_token_s, cpu_s, sum(len(part["lines"]) for part in sung), stanzas, verses)


# What the words are worth


def perfect_rhymes(songs: Iterable[Written]) -> list[bool]:
    """For every pair that a plan asks to rhyme, whether it rhymes perfectly."""
    return [
        rhyme.grade(stanza.lines[earlier], stanza.lines[later]) is Grade.PERFECT
        for song in songs
        for stanza in song.sections
        for later, earlier in required_pairs(stanza.scheme)
    ]


def targets_held(songs: Iterable[Written]) -> list[bool]:
    """For every line, whether it can be sung with the syllables planned."""
    return [
        meter.fits(line, target)
        for song in songs
        for stanza in song.sections
        for line, target in zip(stanza.lines, stanza.syllables, strict=True)
    ]


def repeated(lines: Sequence[str]) -> int:
    """How many lines were sung before in the same list."""
    return sum(count - 1 for count in Counter(map(_plain, lines)).values())


def distinct_2(lines: Sequence[str]) -> float:
    """Different pairs of neighbouring words over all of them (Li et al. 2016)."""
    pairs = [pair for line in lines for pair in pairwise(_plain(line).split())]
    return len(set(pairs)) / len(pairs)


def shared(one: Written, other: Written) -> float:
    """The share of one song's lines that the other has too."""
    known = set(map(_plain, other.lines))
    return mean(_plain(line) in known for line in one.lines)


def across(songs: Sequence[Written]) -> float:
    """The share of all lines that stand in more than one of the songs."""
    counts = Counter(line for song in songs for line in set(map(_plain, song.lines)))
    return sum(count for count in counts.values() if count > 1) / counts.total()


def _plain(line: str) -> str:
    return " ".join(re.findall(r"[a-z']+", line.lower()))


def rows_of(songs: Sequence[Written], seconds: Sequence[Written]) -> Iterator[Row]:
    """The table's rows; `seconds` are of the same briefs with another seed."""
    rhymes, held = perfect_rhymes(songs), targets_held(songs)
    line_count = sum(len(song.lines) for song in songs)
    within = sum(repeated(song.lines) for song in songs)
    sung = [song.sung_verses[:DISTINCT_LINES] for song in songs]
    between = mean(shared(one, other) for one, other in zip(songs, seconds, strict=True))
    yield Row("whole song", in_s([song.total_s for song in songs]), budget="p95 ≤ 1.5 s, aim 0.5")
    yield Row("CPU of a song", in_s([song.cpu_s for song in songs]))
    yield Row("first token", in_ms([song.first_token_s for song in songs]))
    yield Row("rhyme pairs asked for that are perfect", f"{in_percent(mean(rhymes))} of {len(rhymes)}", budget="97 %")
    yield Row("lines that hold their syllables", f"{in_percent(mean(held))} of {len(held)}", budget="99 %")
    yield Row("lines repeated in a song, refrains apart", f"{in_percent(within / line_count)} of {line_count}")
    yield Row(
        f"distinct-2 of the first {DISTINCT_LINES} lines outside choruses as sung, the pre-chorus twice",
        f"{mean(map(distinct_2, sung)):.3f} (mean of {len(songs)}, least {min(map(distinct_2, sung)):.3f})",
        budget="≥ 0.90",
    )
    yield Row(
        "distinct-2 of the same, the pre-chorus once",
        f"{mean(distinct_2(song.verse_lines) for song in songs):.3f} (mean of {len(songs)})",
    )
    yield Row("lines shared by two seeds of a brief", f"{in_percent(between)} ({len(songs)} pairs)", budget="< 10 %")
    yield Row("lines that another of these songs has too", f"{in_percent(across(songs))} of {line_count}")


async def main(*, briefs: Sequence[str] = BRIEFS) -> str:
    """Measure and give Markdown."""
    busy = load()
    logs.configure(LoggingSettings(level="warning"))  # pyright: ignore[reportCallIssue]
    with tempfile.TemporaryDirectory(prefix="songwright-bench-") as name:
        settings = settings_at(Path(name) / "home")
        async with opened(settings, recipe(settings.agents)) as studio:
            for number in range(WARM_UP):
                await write(studio, f"Warming up, {number} coats on a chair", seed=number)
            songs = [await write(studio, prompt, seed=seed) for seed, prompt in enumerate(briefs)]
            seconds = [await write(studio, prompt, seed=SECOND_SEED + i) for i, prompt in enumerate(briefs)]
    assert all(song.line_count == LINES for song in songs)
    said = (
        f"{len(briefs)} briefs, each a song of {LINES} lines in the form {STRUCTURE!r}, one after another through"
        f" Studio with checkpoints, trace and events on SQLite, after {WARM_UP} songs of warm-up. Rhymes and"
        " syllables are judged by the measures that the writer itself chooses by, so these two rows show that it"
        f" keeps its own rules, not that a listener agrees. {busy}."
    )
    return f"{said}\n\n{as_table(list(rows_of(songs, seconds)))}"


if __name__ == "__main__":
    print(machine(), asyncio.run(main()), sep="\n\n")
