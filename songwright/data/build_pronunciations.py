"""Compiles the pronouncing, rhyming and spelling tables from the CMU Pronouncing Dictionary.

Source: https://github.com/cmusphinx/cmudict (BSD-2; its notice is `LICENSE.cmudict` beside this file).
Run as `python -m songwright.data.build_pronunciations PATH`, PATH a folder with `cmudict.dict`. With
`--count FILE ...` (plain or gzipped text) commonness is counted anew from those texts, else it is kept.
"""

import argparse
import gzip
import lzma
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from songwright.data import bare, encode, pronunciation_table, rhyme_class, rhyming_vowel
from songwright.data.build_spelling import spelling_lines

HERE = Path(__file__).parent
ENTRY = re.compile(r"^([a-z']+)(?:\(\d\))? ([A-Z0-2 ]+?)\s*(?:#.*)?$")
WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
LEAST_RHYMES = 3  # words kept of a class although nobody was met using them, mostly names

Lexicon = Mapping[str, list[tuple[str, ...]]]


def read(source: Path) -> dict[str, list[tuple[str, ...]]]:
    """Return word → pronunciations in the source's order; dotted and hyphenated entries are left out."""
    lexicon: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for line in (source / "cmudict.dict").read_text("utf-8").splitlines():
        if entry := ENTRY.match(line):
            phones = tuple(entry[2].split())
            if phones not in lexicon[entry[1]]:
                lexicon[entry[1]].append(phones)
    return dict(lexicon)


def count(texts: Iterable[Path]) -> Counter[str]:
    """Count the words of texts, each text given the weight of a million words."""
    total: Counter[str] = Counter()
    for path in texts:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        seen = Counter(WORD.findall(raw.decode("utf-8", "replace").lower().replace("’", "'")))
        weight = 1_000_000 / max(1, sum(seen.values()))
        for word, times in seen.items():
            total[word] += round(times * weight * 16)
    return total


def letters_of_commonness(lexicon: Lexicon, counts: Counter[str]) -> dict[str, str]:
    """Return word → a letter on a logarithmic scale, `a` never met, each next letter about 1.7 times commoner."""
    if not counts:
        return {word: value[0] for word, value in pronunciation_table()}
    return {word: chr(97 + min(25, round(math.log1p(counts[word]) / math.log(1.7)))) for word in lexicon}


def pronunciation_lines(lexicon: Lexicon, commonness: Mapping[str, str]) -> str:
    """Write `word<tab>commonness, pronunciations` for every word."""
    lines = [
        f"{word}\t{commonness.get(word, 'a')}{' '.join(map(encode, lexicon[word]))}\n"
        for word in sorted(lexicon, key=lambda word: word.encode())
    ]
    return "".join(lines)


def rhyme_lines(lexicon: Lexicon, commonness: Mapping[str, str]) -> str:
    """Write `rhyme class<tab>words` for every class, the commonest word first."""
    classes: dict[str, set[str]] = defaultdict(set)
    for word, pronunciations in lexicon.items():
        for phones in pronunciations if not word.endswith(("'s", "'")) else ():
            tail = [bare(phone) for phone in phones[rhyming_vowel(phones) :]]
            classes[rhyme_class(tail)].add(word)
    lines: list[str] = []
    for key in sorted(classes):
        ordered = sorted(classes[key], key=lambda word: (-ord(commonness.get(word, "a")), word))
        met = [word for word in ordered if commonness.get(word, "a") > "a"]
        if len(ordered) > 1 or met:
            lines.append(f"{key}\t{' '.join(ordered[: max(LEAST_RHYMES, len(met))])}\n")
    return "".join(lines)


def write(name: str, text: str) -> None:
    """Pack one table beside this file and say how large it became."""
    packed = lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
    (HERE / name).write_bytes(packed)
    print(f"{name}: {len(text):,} bytes, packed {len(packed):,}")


def main() -> None:
    """Build every table of this folder that comes from the dictionary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder with cmudict.dict")
    parser.add_argument("--count", type=Path, nargs="*", default=[], help="texts to count words in")
    asked = parser.parse_args()
    lexicon = read(asked.source)
    commonness = letters_of_commonness(lexicon, count(asked.count))
    write("pronunciations.txt.xz", pronunciation_lines(lexicon, commonness))
    write("rhymes.txt.xz", rhyme_lines(lexicon, commonness))
    write("spelling.txt.xz", spelling_lines(lexicon))


if __name__ == "__main__":
    main()
