"""What is said to models: one Markdown file per speech, loaded once and rendered strictly.

Knows templates, fences and digests; refuses to know which model listens or what is done with its answer.

A file has front matter (`name`, `version`, `purpose`, `temperature`, `given`), then `# system` and `# user`.
A variable is written `{{ name }}`. Those listed under `given` carry words that a person or a model chose: they
stand only between a line `<<<` and a line `>>>`. That is checked when the file is loaded, and no value can close
its fence, because runs of `<` and `>` become guillemets in every value.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from songwright.errors import NotFound

Role = Literal["system", "user"]

_HERE = Path(__file__).parent
_FORM = re.compile(r"\A---\n(?P<front>.*?)\n---\n+# system\n(?P<system>.*?)\n# user\n(?P<user>.*)\Z", re.DOTALL)
_VARIABLE = re.compile(r"\{\{ *([a-z][a-z0-9_]*) *\}\}")
_FENCED = re.compile(r"^<<<\n(.*?)\n>>>$", re.DOTALL | re.MULTILINE)
_ANGLES = re.compile(r"<{2,}|>{2,}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A speech with every variable filled in, ready to be sent."""

    name: str
    version: int
    digest: str  # sha256 of the template file, hex
    temperature: float
    messages: tuple[tuple[Role, str], ...]


@dataclass(frozen=True, slots=True)
class Speech:
    """One template: what it is for, its settings and its two parts."""

    name: str
    version: int
    purpose: str
    temperature: float
    digest: str  # sha256 of the template file, hex
    system: str
    user: str
    given: frozenset[str] = frozenset()  # variables that carry other people's words
    variables: frozenset[str] = field(default=frozenset())

    def render(self, **variables: str | float) -> Rendered:
        """Fill in the variables.

        Raises:
            ValueError: a variable of the template is missing, or one was passed that the template does not have.
        """
        if variables.keys() != self.variables:
            raise ValueError(self._mismatch(set(variables)))
        values = {name: _harmless(str(value)) for name, value in variables.items()}
        return Rendered(
            self.name,
            self.version,
            self.digest,
            self.temperature,
            messages=(("system", _fill(self.system, values)), ("user", _fill(self.user, values))),
        )

    def _mismatch(self, passed: set[str]) -> str:
        missing = _listed(self.variables - passed)
        surplus = _listed(passed - self.variables)
        return f"The speech {self.name!r} is rendered with missing variables {missing} and surplus ones {surplus}."


@cache
def names() -> tuple[str, ...]:
    """Every speech there is, in alphabetical order."""
    return tuple(sorted(path.stem for path in _HERE.glob("*.md")))


@cache
def load(name: str) -> Speech:
    """Read a speech from its file, once.

    Raises:
        NotFound: there is no speech of that name.
        ValueError: its file does not have the form this room asks for.
    """
    if name not in names():
        raise NotFound(f"There is no speech {name!r}; there are {_listed(names())}.")
    return parse((_HERE / f"{name}.md").read_text(encoding="utf-8"), name=name)


def parse(text: str, *, name: str) -> Speech:
    """Read a speech from the text of its file, and check its form and its fences.

    Raises:
        ValueError: the form is not kept; the sentence says where.
    """
    form = _FORM.match(text)
    if form is None:
        raise ValueError(f"The speech {name!r} lacks front matter, a `# system` or a `# user` section.")
    front = _front(form["front"], name=name)
    system, user = form["system"].strip(), form["user"].strip()
    speech = Speech(
        name=name,
        version=int(front["version"]),
        purpose=str(front["purpose"]),
        temperature=float(front["temperature"]),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        system=system,
        user=user,
        given=frozenset(map(str, front.get("given") or ())),
        variables=frozenset(_VARIABLE.findall(system) + _VARIABLE.findall(user)),
    )
    _check_fences(speech)
    return speech


def _front(text: str, *, name: str) -> dict[str, Any]:
    front: object = yaml.safe_load(text)
    if not isinstance(front, dict):
        raise ValueError(f"The front matter of the speech {name!r} is not a mapping.")  # noqa: TRY004
    mapping = cast("dict[str, Any]", front)
    if missing := {"name", "version", "purpose", "temperature"} - mapping.keys():
        raise ValueError(f"The front matter of the speech {name!r} lacks {_listed(missing)}.")
    if mapping["name"] != name:
        raise ValueError(f"The file of the speech {name!r} says that its name is {mapping['name']!r}.")
    return mapping


def _check_fences(speech: Speech) -> None:
    if unknown := speech.given - speech.variables:
        raise ValueError(f"The speech {speech.name!r} lists {_listed(unknown)} as given but never says it.")
    for template in (speech.system, speech.user):
        open_text = _FENCED.sub("", template)
        if loose := speech.given & set(_VARIABLE.findall(open_text)):
            raise ValueError(f"In the speech {speech.name!r}, {_listed(loose)} must stand between <<< and >>>.")


def _fill(template: str, values: dict[str, str]) -> str:
    """One pass, so that a value that looks like a variable stays what it is."""
    return _VARIABLE.sub(lambda match: values[match[1]], template)


def _harmless(value: str) -> str:
    """The value without lone surrogates (no JSON can carry them) and without anything like a fence."""
    whole = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _ANGLES.sub(lambda match: ("‹" if match[0][0] == "<" else "›") * len(match[0]), whole)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(repr(word) for word in sorted(words)) or "none"
