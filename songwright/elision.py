"""What singers do to a word's syllables: heav'n, ev'ry, glor-yus, fi-er, bless-ed.

Knows phones and the customs of English song; refuses to know dictionaries and lines. Each custom has its odds
(nats, above 0 where the custom is commoner than the plain reading), counted in 19th-century verse on lines whose
neighbours tell how many syllables they must have.
"""

from collections.abc import Callable

from songwright.data import named

Phones = tuple[str, ...]
Sung = tuple[Phones, float]  # phones, and how much rarer than the commonest reading, in nats

_DIPHTHONGS = named("AY0 AY1 AY2 AW1 AW2")
_FULL = named("AY1 AW1 OY1 IY1 UW1 OW1 AY2 OY2 IY2 UW2 OW2")
_SHORT = named("AH0 IH0 EH0")
_LIGHT = named("AH0 IH0 EH0 ER0 IY0 AE0 OW0 IH2 IY2 AH2 EY2")
_GLIDES = {"I": "Y", "U": "W", "O": "W"}

_SWALLOWED = {  # the last light vowel goes, or for -ly and -y the one before
    word: odds
    for odds, words in (
        (0.6, "heaven heaven's heavens"),
        (1.2, "heavenly"),
        (0.7, "given forgiven"),
        (0.0, "even seven eleven stolen riven being leaven seventh"),
        (-0.5, "fallen risen driven striven shriven"),
        (-1.5, "spirit prison spirits seeing evils fleeing"),
        (-2.2, "evil devil raven ravens haven arisen devils"),
    )
    for word in words.split()
}
_OPENED = {  # -ed is a syllable of its own
    word: odds
    for odds, words in ((0.2, "blessed beloved"), (-0.1, "winged"), (2.0, "aged"), (-1.0, "learned cursed accursed"))
    for word in words.split()
}
_PARTED = {"ideal": 0.5, "unreal": 0.0, "real": -0.8, "really": -0.9}  # ree-al
_FREE = {"higher": -1.5, "highest": -2.0, "iron": -2.1, "irons": -2.0, "liar": -1.0, "our": 2.9, "dying": -2.5}


def _is_vowel(phone: str) -> bool:
    return phone[-1].isdigit()


def _fire(phones: Phones, at: int) -> float | None:
    """Fire, hour: two syllables in one."""
    return 1.9 if phones[at] == "ER0" and at and phones[at - 1] in _DIPHTHONGS else None


def _every(phones: Phones, at: int) -> float | None:
    """Ev'ry, wand'ring; at the end, as in memory, less readily."""
    after = phones[at + 1 : at + 3]
    if phones[at] != "ER0" or not at or _is_vowel(phones[at - 1]) or not after or after[0] not in _LIGHT:
        return None
    if phones[at - 1] == "V" or after[-1] == "NG":
        return 2.5
    return -0.4 if after[0] == "IY0" else 0.8


def _trembling(phones: Phones, at: int) -> float | None:
    """Trembling, list'ning; family less readily."""
    after = phones[at + 1 : at + 4]
    if phones[at] not in _SHORT or len(after) < 2 or after[0] not in ("L", "N", "R") or after[1] not in _LIGHT:
        return None
    if at < 2 or _is_vowel(phones[at - 1]) or not any(map(_is_vowel, phones[: at - 1])):
        return None
    if after[-1] == "NG":
        return 2.5
    return -0.5 if phones[at - 1] in ("M", "SH", "S") and after[0] != "R" else -2.5


def _glorious(phones: Phones, at: int) -> float | None:
    """Glor-yus, rad-yant, vir-chwus, shad-wy."""
    after = phones[at + 1 : at + 2]
    if not at or not after or _is_vowel(phones[at - 1]) or phones[at] not in ("IY0", "IY2", "UW0", "OW0"):
        return None
    return (0.9 if phones[at] == "OW0" else 1.2) if after[0] in _LIGHT else None


def _usual(phones: Phones, at: int) -> float | None:
    """Us-wal, grad-wal."""
    return 0.8 if phones[at : at + 3] == ("AH0", "W", "AH0") and at and not _is_vowel(phones[at - 1]) else None


def _lion(phones: Phones, at: int) -> float | None:
    """Li'n, cru'l, po'm: a light vowel swallowed by the full one before it."""
    if not at or phones[at] not in _SHORT or phones[at - 1] not in _FULL or at + 1 == len(phones):
        return None
    return 0.4 if phones[at - 1 : at + 3] == ("AY1", "AH0", "L", "IH0") else -1.9 if phones[at + 1] != "NG" else -3.0


_CUSTOMS: tuple[Callable[[Phones, int], float | None], ...] = (_fire, _every, _trembling, _glorious, _usual, _lion)


def _without(phones: Phones, at: int) -> Phones:
    """Take out a vowel; a lone R or a glide stays where one is heard."""
    stays = ("R",) if phones[at] == "ER0" else ()
    if phones[at + 1 : at + 2] and _is_vowel(phones[at + 1]) and phones[at][0] in _GLIDES:
        stays = (_GLIDES[phones[at][0]],)
    return (*phones[:at], *stays, *phones[at + 1 :])


def _customary(word: str, phones: Phones) -> list[tuple[Phones, float]]:
    """Return what custom makes of the phones, with its odds."""
    found: list[tuple[Phones, float]] = []
    vowels = [place for place, phone in enumerate(phones) if _is_vowel(phone)]
    for custom in _CUSTOMS:
        for at in vowels:
            odds = custom(phones, at)
            if odds is not None:
                found.append((_without(phones, at), _FREE.get(word, odds)))
    if word in _SWALLOWED and len(vowels) > 1:
        at = vowels[-2] if phones[-1] == "IY0" else vowels[-1]
        found.append((_without(phones, at), _SWALLOWED[word]))
    if word in _OPENED and not _is_vowel(phones[-2]):
        found.append(((*phones[:-1], "IH0", "D"), _OPENED[word]))
    if word in _PARTED and "IY1" in phones:
        at = phones.index("IY1") + 1
        found.append(((*phones[:at], "AH0", *phones[at:]), _PARTED[word]))
    at = next((place for place, phone in enumerate(phones[:-1]) if phone in _DIPHTHONGS), None)
    if at is not None and phones[at + 1] == "R":
        found.append(((*phones[: at + 1], "ER0", *phones[at + 2 :]), -_FREE.get(word, 1.9)))
    return found


def sung(word: str, phones: Phones) -> list[Sung]:
    """Return every way to sing one pronunciation with its cost, the plain one among them."""
    customs = _customary(word, phones)
    plain = sum(max(0.0, odds) for _, odds in customs)
    found = [(phones, plain), *((elided, plain - odds) for elided, odds in customs)]
    for one, (elided, odds) in enumerate(customs):  # two customs in one word, as in mysteriously
        found += [(again, plain - odds - more) for again, more in _customary(word, elided)[one:] if len(customs) > 1]
    least = min(cost for _, cost in found)
    return [(said, cost - least) for said, cost in found]
