"""The typed bank: line beginnings, line ends, nouns, hooks and themes, as written under `songwright/data/bank`.

Knows the files and their notation; refuses to know which pieces go together in a song.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from agents.embedded.grammar import plural
from agents.embedded.units import Unit, a_unit, standing
from songwright.data import rhyme_class
from songwright.sound import pronunciations

HeadKind = Literal["scene", "state", "short"]
HookKind = Literal["imp", "np", "clause", "adv"]
NounNumber = Literal["one", "many", "mass"]


@dataclass(frozen=True, slots=True)
class Noun:
    """A concrete noun; `kind` names what one can do with it (hold, wear, food, animal …)."""

    text: str
    kind: str
    number: NounNumber = "one"


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a line. `accepts` holds the codes of the ends that may follow."""

    id: int
    text: str
    accepts: str
    kind: HeadKind
    tags: frozenset[str]
    theme: str  # key of the theme it was written for, empty where it serves any


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a line, its last word the rhyme."""

    id: int
    text: str
    code: str
    tags: frozenset[str]
    theme: str
    end: str  # the last word, empty where it depends on person or tense


@dataclass(frozen=True, slots=True)
class Hook:
    """A phrase to come back to."""

    text: str
    kind: HookKind
    theme: str


@dataclass(frozen=True, slots=True)
class Theme:
    """What songs on one subject are made of."""

    key: str
    settings: tuple[str, ...]
    speaks_to_you: bool  # its songs are sung to someone
    words: frozenset[str]
    nouns: tuple[Noun, ...]
    hooks: tuple[Hook, ...]


@dataclass(frozen=True, slots=True)
class Bank:
    """Everything the writer may say."""

    heads: tuple[Head, ...]
    tails: tuple[Tail, ...]
    units: tuple[Unit, ...]  # whole lines
    themes: Mapping[str, Theme]
    everyday: tuple[Noun, ...]  # nouns that stand in any song
    nouns: Mapping[str, tuple[Noun, ...]]  # word or phrase, singular or plural, lower case → its kinds
    openers: Mapping[str, tuple[tuple[str, frozenset[str]], ...]]  # job → phrases with their tags
    word_themes: Mapping[str, tuple[str, ...]]  # keyword → themes it points to


_ADDRESSEE = re.compile(r"\b(?:you|your|yours|you're|you'd|you'll|you've)\b")


def _rows(name: str) -> Iterator[str]:
    text = files("songwright").joinpath("data", "bank", name).read_text(encoding="utf-8")
    yield from (line for line in text.splitlines() if line and not line.startswith("# "))


def _coded(row: str) -> tuple[str, frozenset[str], str]:
    mark, _, text = row.partition(" ")
    code, _, tags = mark.partition("/")
    return code, frozenset(filter(None, tags.split(","))), text


_FIXED = (
    (re.compile(r"\b(I)'m\b"), r"\1 <'m>"),
    (re.compile(r"\b([Yy]ou|[Ww]e|they)'re\b"), r"\1<'re>"),
    (re.compile(r"\b(it|that|there|nobody|what|time|who)'s\b"), r"\1<'s>"),
    (re.compile(r"\b(?<!I )(?<!we )says\b"), "<say|es>"),
    (re.compile(r"\b(?<!I )(?<!we )knows\b"), "<know|es>"),
    (re.compile(r"\bis\b"), "<be|es>"),
    (re.compile(r"\b(they|men|papers|friends) say\b"), r"\1 <say|p>"),
    (
        re.compile(
            r"\b(I|we|they|you) ((?:still |never |always )?)(want|miss|need|know|swear|believe|smell|hear|talk|bet|go"
            r"|think|lie|wait|walk|make|call|clock|work|rent|owe|come|keep|remember|ask|argue|turn|stir|taste|wish|run|sing|love"
            r"|store|calculate|don't|can't|take|stay|tell|mind)\b"
        ),
        r"\1 \2<\3>",
    ),
)


def _loosened(text: str) -> str:
    """Return a beginning with its plain present forms as verbs that take the song's tense."""
    for pattern, verb in _FIXED:
        text = pattern.sub(verb, text)
    return text


def _noun(text: str, kind: str) -> Noun:
    number: NounNumber = "many" if text.endswith("+") else "mass" if text.endswith("~") else "one"
    return Noun(text.rstrip("+~"), kind, number)


class _Reader:
    """Collects the pieces of all files under running numbers."""

    def __init__(self) -> None:
        self.heads: list[Head] = []
        self.tails: list[Tail] = []
        self.units: list[Unit] = []
        self.themes: dict[str, Theme] = {}
        self.everyday: list[Noun] = []
        self.openers: dict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)

    def piece(self, row: str, part: str, theme: str) -> None:
        code, tags, text = _coded(row)
        if not theme and _ADDRESSEE.search(text):
            tags |= {"you"}
        if part == "tails":
            last = text.rsplit(" ", 1)[-1]
            end = "" if "<" in last or "{" in last else last.lower().strip(".,!?")
            self.tails.append(Tail(len(self.tails), text, code, tags, theme, end))
            return
        text = _loosened(text)
        code += "C" if part == "state" and "R" in code else ""
        kind: HeadKind = "short" if part == "short" else "state" if part == "state" else "scene"
        self.heads.append(Head(len(self.heads), text, code, kind, tags, theme))

    def unit_file(self, text: str) -> None:
        theme = ""
        for row in text.splitlines():
            if row.startswith("# "):
                theme = "" if row == "# any" else row[2:].strip()
                continue
            mark, _, line = row.partition(" ") if row.startswith("/") else ("", "", row)
            tags = frozenset(filter(None, mark[1:].split(",")))
            if line and not theme and _ADDRESSEE.search(line):
                tags |= {"you"}
            for told in (line, *standing(line)) if line else ():
                self.units.append(a_unit(len(self.units), told, tags, theme))

    def plain_file(self, name: str, part: str) -> None:
        for row in _rows(name):
            if row.startswith("= "):
                part = row[2:]
            elif part.startswith("open "):
                mark, _, text = row.partition("|")
                self.openers[part[5:]].append((text.strip(), frozenset(mark.split())))
            elif part.startswith("nouns"):
                kind, _, names = row.partition(":")
                self.everyday += [_noun(name.strip(), kind) for name in names.split(",")]
            else:
                self.piece(row, part, "")

    def theme_file(self, text: str) -> None:
        for block in ("\n" + text).split("\n# ")[1:]:
            key, *rows = [row for row in block.splitlines() if row]
            self._theme(key.strip(), rows)

    def _theme(self, key: str, rows: list[str]) -> None:
        part, settings, words = "", (), frozenset[str]()
        nouns: list[Noun] = []
        hooks: list[Hook] = []
        for row in rows:
            name, _, rest = row.partition(":")
            if row.startswith("= "):
                part = row[2:]
            elif part:
                self.piece(row, part, key)
            elif name == "about":
                settings = tuple(rest.split())
            elif name == "words":
                words = frozenset(rest.split())
            elif name.startswith("noun "):
                nouns += [_noun(noun.strip(), name[5:]) for noun in rest.split(",")]
            elif name.startswith("hook "):
                hooks.append(Hook(rest.strip(), _hook_kind(name[5:]), key))
        places = tuple(setting for setting in settings if setting != "you")
        self.themes[key] = Theme(key, places, "you" in settings, words | {key}, tuple(nouns), tuple(hooks))


def _hook_kind(name: str) -> HookKind:
    return "imp" if name == "imp" else "clause" if name == "clause" else "adv" if name == "adv" else "np"


def _lexicon(nouns: list[Noun]) -> dict[str, tuple[Noun, ...]]:
    found: dict[str, list[Noun]] = defaultdict(list)
    for noun in nouns:
        for form in {noun.text, plural(noun.text) if noun.number == "one" else noun.text}:
            if all(other.kind != noun.kind for other in found[form.lower()]):
                found[form.lower()].append(noun)
    return {form: tuple(kinds) for form, kinds in found.items()}


@lru_cache(maxsize=1)
def load() -> Bank:
    """Read the bank once per process; about fifty milliseconds."""
    reader = _Reader()
    reader.plain_file("tails.txt", "tails")
    reader.plain_file("heads.txt", "scene")
    reader.plain_file("common.txt", "nouns")
    folder = files("songwright").joinpath("data", "bank", "themes")
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        reader.theme_file(entry.read_text(encoding="utf-8"))
    folder = files("songwright").joinpath("data", "bank", "lines")
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        reader.unit_file(entry.read_text(encoding="utf-8"))
    pointing: dict[str, list[str]] = defaultdict(list)
    for theme in reader.themes.values():
        for word in theme.words:
            pointing[word].append(theme.key)
    return Bank(
        heads=tuple(reader.heads),
        tails=tuple(reader.tails),
        units=tuple(reader.units),
        themes=reader.themes,
        everyday=tuple(reader.everyday),
        nouns=_lexicon([*(noun for theme in reader.themes.values() for noun in theme.nouns), *reader.everyday]),
        openers={job: tuple(phrases) for job, phrases in reader.openers.items()},
        word_themes={word: tuple(keys) for word, keys in pointing.items()},
    )


@lru_cache(maxsize=8192)
def rhyme_key(word: str) -> str:
    """Return the rhyme class a word is filed under: that of its commonest pronunciation, empty for no word."""
    said = pronunciations(word)
    return rhyme_class(said[0].tail) if said else ""


@lru_cache(maxsize=8192)
def vowel_of(word: str) -> str:
    """Return the stressed vowel at a word's end, without its stress digit."""
    said = pronunciations(word)
    tail = said[0].tail if said else ()
    return tail[0].rstrip("012") if tail else ""
