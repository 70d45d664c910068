"""Count which words of the phrase bank keep company and write `theme_vectors.npy` and `theme_words.txt`.

Run after larger changes of the bank: `python songwright/data/build_theme_vectors.py VERSE`, about a minute. VERSE is
a gzipped text, a line of verse a line: the verse of Project Gutenberg's books as the GutenTag selection marks it,
which is in the public domain. The bank's own rows count many times over, to pull the sense into this century.
"""

import gzip
import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
STEM = 5  # letters, as the writer cuts words
MOST = 4500  # words
SIZE = 64  # dimensions
OWN = 60.0  # how much heavier a row of the bank weighs than a line of verse
Floats = NDArray[np.float32]
_MARKUP = re.compile(r"\{[^}]*\}|\|(?:s|p|es)>|[<>]|^[A-Z]+(?:/\S+)? |^/\S+ ")
_WORD = re.compile(r"[a-z']+")


def stems(text: str, plain: frozenset[str]) -> list[str]:
    """Return the stems of the words that carry a picture."""
    return [word[:STEM] for word in _WORD.findall(text.lower()) if len(word) > 2 and word not in plain]


def bank_rows(plain: frozenset[str]) -> Iterator[list[str]]:
    """Yield the stems of each row of the bank; a theme's nouns and keywords keep company with its name."""
    for path in sorted((HERE / "bank").rglob("*.txt")):
        if path.name in {"words.txt", "common.txt"}:
            continue
        theme = ""
        for row in path.read_text(encoding="utf-8").splitlines():
            if row.startswith("# "):
                theme = row[2:].strip()
            said = stems(_MARKUP.sub(" ", row), plain)
            yield [*said[:14], *stems(theme, plain)] if path.parent.name != "bank" else said[:14]


def plain_words() -> frozenset[str]:
    """Return the small words that are not counted."""
    text = (HERE / "bank" / "words.txt").read_text(encoding="utf-8").replace("\n  ", " ")
    return frozenset(next(row for row in text.splitlines() if row.startswith("plain: ")).split()[1:])


def counted(verse: Path) -> tuple[list[str], Floats]:
    """Return the words and how often each two stand in one line or in neighbouring ones."""
    plain = plain_words()
    rows = list(bank_rows(plain))
    heard = Counter(word for row in rows for word in row)
    vocabulary = sorted(word for word, _ in heard.most_common(MOST))
    place = {word: index for index, word in enumerate(vocabulary)}
    together = np.zeros((len(vocabulary), len(vocabulary)), dtype=np.float32)
    pairs: Counter[tuple[int, int]] = Counter()
    before: set[int] = set()
    with gzip.open(verse, "rt", encoding="utf-8") as lines:
        for line in lines:
            said = {place[word] for word in stems(line, plain) if word in place}
            pairs.update(combinations(sorted(said | before), 2))
            before = said
    for (one, other), count in pairs.items():
        together[one, other] += count
    for row in rows:
        for one, other in combinations(sorted({place[word] for word in row if word in place}), 2):
            together[one, other] += OWN
    return vocabulary, together + together.T


def vectors(together: Floats) -> Floats:
    """Return unit vectors: positive pointwise mutual information, reduced by a randomised SVD (Halko et al. 2011)."""
    totals = together.sum(axis=1) + 1.0
    smoothed = totals**0.75
    expected = np.outer(totals, smoothed / smoothed.sum())
    shared = np.log(np.maximum(together / expected, 1e-9))
    shared = np.maximum(shared, 0.0)
    dice = np.random.default_rng(7)
    basis = np.linalg.qr(shared @ dice.standard_normal((len(shared), SIZE + 16)).astype(np.float32))[0]
    for _ in range(4):
        basis = np.linalg.qr(shared @ (shared.T @ basis))[0]
    left, weights, _ = np.linalg.svd(basis.T @ shared, full_matrices=False)
    found = (basis @ left)[:, :SIZE] * np.sqrt(weights[:SIZE])
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def main() -> None:
    """Write the words and their vectors (int8, 127 for 1) beside this script."""
    vocabulary, together = counted(Path(sys.argv[1]))
    found = vectors(together)
    scale = 127 / float(np.abs(found).max())
    packed = np.zeros(found.shape, dtype=np.int8)
    packed[:] = np.rint(found * scale)
    np.save(HERE / "theme_vectors.npy", packed)
    (HERE / "theme_words.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    print(f"{len(vocabulary)} words")


if __name__ == "__main__":
    main()
