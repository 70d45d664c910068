"""What the in-repo model server says: singable lines for a rhyme plan, minimal objects for a JSON schema.

Knows how to read a plan of lines from a prompt; refuses to be good: it is a model that obeys and means nothing.
"""

import json
import random
import re
from collections.abc import Iterator
from typing import Any, cast

Json = dict[str, Any]

# Every word is one syllable, so that a line's length is its number of words.
_WHO = ("I", "you", "we", "they")
_DO = ("keep", "hold", "watch", "count", "find", "leave", "mend", "paint", "fold", "dry")
_WHOSE = ("the", "my", "your", "one", "some", "that")
_THING = ("cup", "coat", "bus", "lamp", "stove", "bridge", "boat", "map", "shirt", "spoon", "bench", "fence")
_WHERE = ("by", "near", "past", "from", "with", "on")
_START = ((), ("and",), ("so", "now"))
# One family of end words per rhyme letter, for plans that name no end word.
_FAMILIES = (
    ("rain", "train", "lane", "pane", "grain", "chain", "plane"),
    ("night", "light", "kite", "white", "sight", "bite", "height"),
    ("door", "floor", "shore", "four", "store", "oar", "core"),
    ("day", "bay", "clay", "tray", "hay", "gray", "play"),
    ("sea", "tree", "knee", "key", "bee", "tea", "three"),
    ("stone", "phone", "bone", "tone", "throne", "loan", "cone"),
)
_ROW = re.compile(r"^\s*(\d{1,2})[.):]\s+(.+)$", re.MULTILINE)
_SYLLABLES = re.compile(r"(\d{1,2})\s*syll")
_END_WORD = re.compile(r"(?:ends?|ending)[^\"“‘'\n]{0,20}[\"“‘']([A-Za-z][A-Za-z'’-]*)[\"”’']")
_LETTER = re.compile(r"\b(?:rhyme|letter)s?:?\s+([A-Z])\b")


def answer_for(messages: list[Json], schema: Json | str | None) -> str:
    """The text of an answer: an object where a schema was sent, otherwise one line per row of the prompt's plan."""
    prompt = next((str(one["content"]) for one in reversed(messages) if one["role"] == "user"), "")
    first = next((str(one["content"]) for one in messages if one["role"] == "user"), prompt)
    dice = random.Random(prompt)
    if isinstance(schema, dict):
        return json.dumps(_instance(schema, schema, first, dice, key=""))
    return "\n".join(_section(prompt, dice))


def _section(prompt: str, dice: random.Random) -> Iterator[str]:
    """Obey the prompt's plan of lines; four lines of eight syllables where there is none."""
    rows = [row for _, row in _ROW.findall(prompt) if _SYLLABLES.search(row) or _LETTER.search(row)]
    asked = re.search(r"\b(\d{1,3}) lines", prompt)
    count = len(rows) or (int(asked[1]) if asked else 4)
    families = random.Random(prompt).sample(_FAMILIES, len(_FAMILIES))
    used: dict[str, int] = {}
    for index in range(count):
        row = rows[index] if rows else ""
        letter = match[1] if (match := _LETTER.search(row)) else "ABCD"[index // 2 % 4]
        nth = used[letter] = used.get(letter, -1) + 1
        # X rhymes with none: each takes from the end of another family.
        family = (
            families[nth % len(families)][::-1] if letter == "X" else families[(ord(letter) - 65) % len(families)]
        )
        end_word = match[1] if (match := _END_WORD.search(row)) else family[nth % len(family)]
        syllables = int(match[1]) if (match := _SYLLABLES.search(row)) else 8
        yield _line(syllables, end_word, dice)


def _line(syllables: int, end_word: str, dice: random.Random) -> str:
    """A sentence of so many syllables that arrives at the end word."""
    room = max(syllables - _count(end_word), 0)
    if room < 3:
        words = [[], [dice.choice(_WHOSE)], [dice.choice(_WHO), dice.choice(_DO)]][room]
    else:
        words = [*_START[room % 3], dice.choice(_WHO), dice.choice(_DO)]
        for thing in dice.sample(_THING, room // 3 - 1):
            words += [dice.choice(_WHOSE), thing, dice.choice(_WHERE)]
        words.append(dice.choice(_WHOSE))
    text = " ".join([*words, end_word])
    return text[0].upper() + text[1:]


def _count(word: str) -> int:
    groups = len(re.findall(r"[aeiouy]+", word.lower()))
    return max(groups - bool(re.search(r"[^aeiouyl]e$", word.lower())), 1)


def _instance(node: Json, root: Json, prompt: str, dice: random.Random, *, key: str) -> Any:
    """A small value that fits a JSON schema as Pydantic writes it."""
    if "$ref" in node:
        name = str(node["$ref"]).rpartition("/")[2]
        return _instance(root["$defs"][name], root, prompt, dice, key=key)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return node["enum"][0]
    if options := node.get("anyOf"):
        return _instance(options[0], root, prompt, dice, key=key)
    match node.get("type"):
        case "object":
            parts = cast("dict[str, Json]", node.get("properties", {}))
            return {name: _instance(part, root, prompt, dice, key=name) for name, part in parts.items()}
        case "array":
            count = min(max(_wanted(key, prompt), node.get("minItems", 0)), node.get("maxItems", 99))
            return [_instance(node["items"], root, prompt, dice, key=f"{key}.{nth}") for nth in range(count)]
        case "string":
            return _phrase(key, prompt, dice)[: node.get("maxLength", 200)].ljust(node.get("minLength", 0), "a")
        case "integer" | "number" as kind:
            low, high = node.get("minimum", 0), node.get("maximum", node.get("minimum", 0) + 1)
            return (low + high) / 2 if kind == "number" else int(low)
        case "boolean":
            return False
        case _:
            return None


def _wanted(key: str, prompt: str) -> int:
    if key == "images":
        return 6
    asked = re.search(r"[Ee]xactly (\d{1,2}) jobs" if key == "jobs" else r"Offer (\d{1,2})", prompt)
    return int(asked[1]) if asked else 1


def _phrase(key: str, prompt: str, dice: random.Random) -> str:
    """Words for one string of an object, by the name it has there."""
    name, _, nth = key.partition(".")
    match name:
        case "lines":
            listed = re.search(r"rhyme where they must: ([^.\n]+)", prompt)
            words = re.findall(r"[A-Za-z'’-]+", listed[1]) if listed else []
            words = words if words and words != ["any"] else list(_FAMILIES[0])
            syllables = int(match[1]) if (match := _SYLLABLES.search(prompt)) else 8
            return _line(syllables, words[int(nth or 0) % len(words)], dice)
        case "jobs":
            deed = f"{dice.choice(_WHO)} {dice.choice(_DO)} {dice.choice(_WHOSE)} {dice.choice(_THING)}"
            return f"Part {int(nth or 0) + 1} tells how {deed}."
        case "images":
            return f"{dice.choice(_WHOSE)} {_THING[int(nth or 0) % len(_THING)]}"
        case "title" | "hook":
            return "Keep the light on"
        case "feeling":
            return "calm"
        case "wish":
            return ""
        case _:
            return dice.choice(_THING)
