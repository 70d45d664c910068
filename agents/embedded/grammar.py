"""English forms: verbs by person and tense, pronouns by point of view, articles and plurals.

Knows the notation of the bank's phrases (`I <keep> your {hold}`); refuses to know which phrase is a good one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from agents.embedded.wordlists import listed, paired

PointOfView = Literal["i", "you", "we", "she", "he", "they"]
Tense = Literal["past", "present", "future"]
Form = Literal["clause", "and", "ing"]  # a whole clause; its predicate after "and"; its predicate as participle

_IRREGULAR = paired("irregular")
_DOUBLING = listed("doubling")
_SUBJECTS: Mapping[str, str] = {"i": "I", "you": "you", "we": "we", "she": "she", "he": "he", "they": "they"}
_FORMS: Mapping[PointOfView, tuple[str, str, str, str, str]] = {  # subject, object, possessive, absolute, reflexive
    "i": ("I", "me", "my", "mine", "myself"),
    "you": ("you", "you", "your", "yours", "yourself"),
    "we": ("we", "us", "our", "ours", "ourselves"),
    "she": ("she", "her", "her", "hers", "herself"),
    "he": ("he", "him", "his", "his", "himself"),
    "they": ("they", "them", "their", "theirs", "themselves"),
}
_PLACES = {"i": 0, "me": 1, "my": 2, "mine": 3, "myself": 4}
_AM = {"i": "'m", "she": "'s", "he": "'s", "it": "'s", "you": "'re", "we": "'re", "they": "'re"}
_HAVE = {"i": "'ve", "she": "'s", "he": "'s", "it": "'s", "you": "'ve", "we": "'ve", "they": "'ve"}
_ADVERBS = frozenset({"still", "never", "always", "only", "just", "almost", "both"})
_THIRD = frozenset({"she", "he", "it"})


def third_person(verb: str) -> str:
    """Return the form after he, she or it: carries, watches, is, has, doesn't."""
    special = {
        "be": "is",
        "have": "has",
        "don't": "doesn't",
        "can": "can",
        "can't": "can't",
        "do": "does",
        "go": "goes",
    }
    if verb in special:
        return special[verb]
    if verb.endswith(("s", "sh", "ch", "x", "z")):
        return verb + "es"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + "s"


def past(verb: str) -> str:
    """Return the simple past."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb in _DOUBLING:
        return verb + verb[-1] + "ed"
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + "ed"


def participle(verb: str) -> str:
    """Return the -ing form."""
    if verb in {"lie", "die", "tie"}:
        return verb[:-2] + "ying"
    if verb in _DOUBLING:
        return verb + verb[-1] + "ing"
    if verb.endswith("e") and not verb.endswith("ee") and verb != "be":
        return verb[:-1] + "ing"
    return verb + "ing"


def plural(noun: str) -> str:
    """Return the plural of a countable noun."""
    special = {"knife": "knives", "leaf": "leaves", "shelf": "shelves", "man": "men", "child": "children"}
    last = noun.rsplit(" ", 1)[-1]
    if last in special:
        return noun[: -len(last)] + special[last]
    if noun.endswith(("s", "sh", "ch", "x", "z")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def article(word: str) -> str:
    """Return `a` or `an`, by sound as far as spelling tells it."""
    lowered = word.lower()
    if lowered.startswith(("hour", "honest", "heir", "honor")):
        return "an"
    if lowered.startswith(("uni", "use", "usu", "eu", "one", "once", "ukulele")):
        return "a"
    return "an" if lowered[:1] in "aeiou" else "a"


@dataclass(frozen=True, slots=True)
class Stance:
    """Who sings, when, and in which grammatical form a phrase is wanted."""

    view: PointOfView
    tense: Tense
    form: Form = "clause"
    is_dependent: bool = False  # after when, while, if: English keeps the present there for the future


_TOKEN = re.compile(r"\s*<[^>]+>|\s+|[A-Za-z']+|[^A-Za-z<\s]+")
_VERB = re.compile(r"\s*<([a-z']+)(?:\|(s|p|es))?>")


class _Speaker:
    """Renders one phrase from left to right, remembering whose verb comes next."""

    def __init__(self, stance: Stance, *, is_plural: bool) -> None:
        self.stance = stance
        self.noun_person = "they" if is_plural else "it"
        self.person = "it"
        self.pronoun_at: int | None = None  # index of the subject pronoun a future tense may lean on
        self.is_first_verb = True
        self.out: list[str] = []

    def say(self, token: str) -> None:
        if verb := _VERB.fullmatch(token):
            self._verb(verb.group(1), verb.group(2))
            return
        self.out.append(self._word(token))

    def _word(self, token: str) -> str:
        lowered = token.lower()
        stem, mark, ending = lowered.partition("'")
        if stem in {"you", "we", "they", "he", "she", "it"} and (mark or lowered == stem):
            self._subject(stem)
            return token
        if stem == "i":
            view = self.stance.view
            self._subject(view)
            tail = {"m": _AM[view], "ve": _HAVE[view]}.get(ending, mark + ending)
            return _SUBJECTS[view] + tail
        if lowered in {"was", "wasn't"} and self._follows_subject() and self.person in {"you", "we", "they"}:
            return token.replace("was", "were")
        if lowered in _PLACES:
            return _FORMS[self.stance.view][_PLACES[lowered]]
        return token

    def _follows_subject(self) -> bool:
        return self.pronoun_at is not None and all(token.isspace() for token in self.out[self.pronoun_at + 1 :])

    def _subject(self, person: str) -> None:
        self.person = person
        self.pronoun_at = len(self.out)

    def _verb(self, verb: str, agreement: str | None) -> None:
        person = {"s": self.noun_person, "es": "it", "p": "they"}.get(agreement or "", self.person)
        self.out.append(self._space(verb) + self._inflected(verb, person, leans=agreement is None))
        self.is_first_verb = False

    def _space(self, verb: str) -> str:
        is_contraction = verb in {"'m", "'s", "'re"}
        if verb in {"'ll", "'ve"} or (is_contraction and self.stance.tense != "past"):
            while self.out and self.out[-1].isspace():
                self.out.pop()
            return ""
        return "" if not self.out or self.out[-1].isspace() else " "

    def _inflected(self, verb: str, person: str, *, leans: bool) -> str:
        tense = self.stance.tense
        if verb == "'ll":
            return "'d" if tense == "past" else "'ll"
        if verb == "'ve":
            return "'d" if tense == "past" else _HAVE.get(person, "'ve")
        if verb in {"'m", "'s", "'re"}:
            person = "it" if verb == "'s" else person
            return _was(person) if tense == "past" else _AM[person]
        if self.is_first_verb and self.stance.form != "clause":
            return self._predicate(verb, person)
        if tense == "future" and not self.stance.is_dependent:
            return self._future(verb, leans=leans)
        return inflect(verb, person, "past" if tense == "past" else "present")

    def _predicate(self, verb: str, person: str) -> str:
        if self.stance.form == "ing":
            return participle(verb)
        if self.stance.tense == "future":
            return verb
        return inflect(verb, person, self.stance.tense)

    def _future(self, verb: str, *, leans: bool) -> str:
        if verb in {"can", "can't"}:
            return verb
        if verb == "don't":
            return "won't"
        if not leans or self.pronoun_at is None:
            return "will " + verb
        between = [token for token in self.out[self.pronoun_at + 1 :] if not token.isspace()]
        if all(token in _ADVERBS for token in between):
            self.out[self.pronoun_at] += "'ll"
            self.pronoun_at = None
            return verb
        return "will " + verb


def _was(person: str) -> str:
    return "was" if person in {"i", "it", "he", "she"} else "were"


def inflect(verb: str, person: str, tense: Tense) -> str:
    """Return a verb as this person says it now or then."""
    if verb == "be":
        if tense == "past":
            return _was(person)
        return "am" if person == "i" else "is" if person in _THIRD else "are"
    if tense == "past":
        return past(verb)
    return third_person(verb) if person in _THIRD else verb


_BACKSHIFT = (
    (re.compile(r"\bit's\b"), "it was"),
    (re.compile(r"\bthat's\b"), "that was"),
    (re.compile(r"\b(there|nobody|somebody|everything|something|who|nothing|coffee|song|milk)'s\b"), r"\1 was"),
    (re.compile(r"\bI'm\b"), "I was"),
    (re.compile(r"\b(we|you|they)'re\b"), r"\1 were"),
    (re.compile(r"'ll\b"), "'d"),
    (re.compile(r"\bI've\b"), "I'd"),
    (re.compile(r"\b(it|everything|nothing|something)'ll\b"), r"\1 would"),
    (re.compile(r"\bis (?=\w)"), "was "),
    (re.compile(r"\bare (?=\w)"), "were "),
    (re.compile(r"\b(?:has|have) (?=to\b)"), "had "),
    (re.compile(r"\b(?:don't|doesn't) (?=\w)"), "didn't "),
    (re.compile(r"\bcan't (?=\w)"), "couldn't "),
    (re.compile(r"\b(?:takes) (?=\w)"), "took "),
    (re.compile(r"\bgets (?=\w)"), "got "),
    (re.compile(r"\bwill (?=\w)"), "would "),
    (re.compile(r"\bgoes (?=\w)"), "went "),
)


def backshift(text: str) -> str:
    """Return a reported clause as it stands after a verb in the past: "I know it's late", "I knew it was late"."""
    for pattern, replacement in _BACKSHIFT:
        text = pattern.sub(replacement, text)
    return text


@lru_cache(maxsize=65_536)
def render(phrase: str, stance: Stance, *, is_plural: bool = False) -> str:
    """Return a phrase of the bank in plain English for this stance.

    `is_plural` says that the noun standing as its subject is a plural.
    """
    opening = phrase.partition(" ")[0]
    if stance.form != "clause":
        phrase = phrase.partition(" ")[2]
    speaker = _Speaker(stance, is_plural=is_plural)
    if stance.form != "clause":
        speaker.person = opening if opening in {"you", "we"} else stance.view
    for token in _TOKEN.findall(phrase):
        speaker.say(token)
    return "".join(speaker.out).strip()
