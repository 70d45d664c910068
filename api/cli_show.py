"""How the command line shows runs: words as they come, then the finished song or playlist.

Everything from a model or a catalogue is printed as plain text: no markup, no control characters.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

HUES = ("cyan", "yellow", "green", "magenta", "blue", "red", "bright_cyan", "bright_yellow")
WORKING = {
    "coordinator": "reading the brief",
    "mood_analysis": "reading the mood",
    "retrieve": "looking through your songs",
    "lyric_planning": "planning",
    "review_plan": "your turn",
    "lyric_generation": "writing",
    "lyric_evaluation": "judging",
    "lyric_refinement": "mending",
    "music_curation": "choosing tracks",
    "playlist": "saying why",
    "finish": "finishing",
}


def plain(text: object) -> str:
    """The text without control characters, so that no lyric can steer a terminal."""
    return "".join(c for c in str(text) if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs"))


class Progress:
    """A run on the terminal while it runs. On anything but a terminal it shows nothing."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._sections: dict[str, str] = {}
        self._authors: dict[str, str] = {}
        self._written: set[str] = set()
        self._steps: dict[str, str] = {}
        self._said = ""
        self._live = Live(console=console, transient=True, refresh_per_second=20, get_renderable=self._view)

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()

    def pause(self) -> None:
        """Leave the terminal to a question."""
        self._live.stop()

    def take(self, kind: str, data: Mapping[str, Any]) -> None:
        """Show one event."""
        match kind:
            case "step_started" | "step_restarted":
                self._steps[data["step_id"]] = WORKING.get(data["step"], str(data["step"]))
            case "step_finished":
                self._steps.pop(data["step_id"], None)
            case "token":
                self._type(data["section"], data["text"], data["step_id"])
            case "section_written":
                self._sections[data["section"]] = "\n".join(data["lines"])
                self._written.add(data["section"])
            case "line_mended":
                lines = self._sections.get(data["section"], "").split("\n")
                if data["line"] < len(lines):
                    lines[data["line"]] = data["after"]
                    self._sections[data["section"]] = "\n".join(lines)
            case "verdict":
                self._said = f"round {data['round']}: {data['overall']:.2f}"
            case _:
                pass

    def _type(self, section: str, text: str, step_id: str) -> None:
        if self._authors.get(section) != step_id:
            self._authors[section] = step_id
            self._sections[section] = ""
        self._sections[section] += text

    def _view(self) -> Group:
        rows = self._console.size.height - 3
        lines: list[Text] = []
        for name, words in self._sections.items():
            style = "" if name in self._written else "bold"
            lines += [Text(plain(name), style="dim"), *(Text(line, style=style) for line in plain(words).split("\n"))]
            lines.append(Text())
        working = ", ".join(dict.fromkeys(self._steps.values()))
        status = Text(" · ".join(part for part in (working, self._said) if part) or "starting", style="italic dim")
        return Group(*lines[-max(3, rows) :], status)


def song(result: Mapping[str, Any]) -> Group:
    """A finished song: every line with its rhyme letter, syllables and stress."""
    lyrics = result["lyrics"]
    parts: list[Any] = [Text(plain(lyrics["title"]), style="bold underline"), Text()]
    for section in lyrics["sections"]:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=1)
        grid.add_column()
        grid.add_column(justify="right")
        grid.add_column(style="dim")
        for line in section["lines"]:
            letter = line.get("rhyme") or ""
            hue = HUES[(ord(letter[0]) - ord("A")) % len(HUES)] if letter else ""
            count = Text(str(line.get("syllables", "")), style="dim")
            grid.add_row(Text(letter, style=hue), Text(plain(line["text"])), count, Text(line.get("stress", "")))
        parts += [Text(plain(section["name"]), style="dim"), grid, Text()]
    scores = result["scores"]
    named = (f"{name} {value:.2f}" for name, value in scores.items() if isinstance(value, float | int))
    parts.append(Text(", ".join(named), style="dim"))
    return Group(*parts, *_foot(result))


def playlist(result: Mapping[str, Any]) -> Group:
    """A finished playlist: tracks in listening order, each with its reason."""
    made = result["playlist"]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", justify="right", style="dim")
    table.add_column("Track", ratio=2)
    table.add_column("V", justify="right")
    table.add_column("E", justify="right")
    table.add_column("Why", ratio=3)
    for i, track in enumerate(made["tracks"], start=1):
        name = Text.assemble((plain(track["title"]), "bold"), "\n", (plain(track["artist"]), "dim"))
        values = (f"{track['valence']:.2f}", f"{track['energy']:.2f}")
        table.add_row(str(i), name, *values, Text(plain(track["reason"])))
    return Group(Text(plain(made["explanation"])), Text(), table, *_foot(result))


def _foot(result: Mapping[str, Any]) -> Iterable[Text]:
    writer = result["writer"]
    yield Text(plain(f"by {writer['provider']}:{writer['model']}, run {result['run_id']}"), style="dim")
    for reason in dict.fromkeys(entry["reason"] for entry in result.get("degraded_reasons", ())):
        yield Text(plain(reason), style="yellow")


def plan(asked: Mapping[str, Any]) -> Group:
    """A plan that waits for a person."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    for name, job in asked["jobs"].items():
        grid.add_row(Text(plain(name)), Text(plain(job)))
    head = Text.assemble((plain(asked["title"]), "bold"), "\n", (plain(asked["hook"]), "italic"))
    return Group(head, Text(), grid, Text())


def run_list(runs: Iterable[Mapping[str, Any]]) -> Table:
    """Runs, newest first."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("Started", "Kind", "Status"):
        table.add_column(column, no_wrap=True)
    table.add_column("About, and the run's id", no_wrap=True)
    for run in runs:
        at = datetime.fromisoformat(str(run["created_at"])).astimezone()
        about = re.sub(r"\s+", " ", plain(run["preview"]))
        cell = Text.assemble(about, "\n", (run["id"], "dim"))
        table.add_row(f"{at:%Y-%m-%d %H:%M}", run["kind"], run["status"], cell)
    return table
