"""Runs the benchmarks and writes RESULTS.md: `python -m benchmarks [NAME …]`, all of them where none is named.

What is not run this time keeps its section. Refuses to know what the sections say.
"""

import argparse
import asyncio
import re
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from benchmarks.figures import machine

RESULTS = Path(__file__).with_name("RESULTS.md")
TITLES = {
    "checkpoints": "A durable run of seven nodes",
    "first_token": "First token, and many streams at once",
    "song": "A full song by the embedded writer",
    "start": "Start and memory",
}
INTRODUCTION = (
    "# Measured\n\nWritten by `make bench`; do not edit. Ours and the peer take turns in one run, so the ratio is"
    " what to compare between machines. How many measurements stand behind a figure is in brackets."
)
_SECTION = re.compile(r"^<!-- (\w+) -->\n(.*?)(?=^<!-- \w+ -->$|\Z)", re.MULTILINE | re.DOTALL)
_MACHINE = re.compile(r"^Machine: (.*)$", re.MULTILINE)


def kept(text: str, *, here: str) -> dict[str, str]:
    """The sections of an earlier RESULTS.md by name; those from another machine than `here` say from which."""
    sections = {name: section.strip() for name, section in _SECTION.findall(text)}
    stated = _MACHINE.search(text)
    if stated is None or stated[1] == here:
        return sections
    return {
        name: section if "Measured on " in section else f"{section}\n\nMeasured on {stated[1]}"
        for name, section in sections.items()
    }


def written(sections: dict[str, str], *, here: str) -> str:
    """RESULTS.md with these sections, in the order of `TITLES`."""
    marked = [f"<!-- {name} -->\n{sections[name]}" for name in TITLES if name in sections]
    return "\n\n".join([INTRODUCTION, f"Machine: {here}", *marked]) + "\n"


def section(name: str) -> str:
    """Run one benchmark; gives its section with the date."""
    table = asyncio.run(import_module(f"benchmarks.{name}").main())
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"## {TITLES[name]}\n\n`python -m benchmarks.{name}`, {at}.\n\n{table.strip()}"


def main(names: list[str]) -> None:
    """Run these benchmarks; RESULTS.md is written after each, so that a failure loses none before it."""
    here = machine()
    sections = kept(RESULTS.read_text(encoding="utf-8"), here=here) if RESULTS.exists() else {}
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        sections[name] = section(name)
        RESULTS.write_text(written(sections, here=here), encoding="utf-8")
        print(f"{sections[name]}\n", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmarks and write RESULTS.md.")
    parser.add_argument("names", nargs="*", help=f"which to run: {', '.join(TITLES)}; all where none is named")
    chosen = parser.parse_args().names
    if unknown := set(chosen) - set(TITLES):
        parser.error(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(TITLES)}.")
    main(chosen or list(TITLES))
