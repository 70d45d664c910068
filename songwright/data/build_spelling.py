"""Trains the spelling model that `songwright.guess` reads: which sounds a letter takes after which others.

A joint n-gram over pairs of one letter and the phones it stands for (Bisani and Ney 2008): the pairs come from
expectation maximisation with hard alignments, the probabilities from interpolated Kneser-Ney counts, and
n-grams that say little more than their backoff are dropped (Seymore and Rosenfeld 1996).
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from songwright.data import BEGIN, END, FIRST_PAIR, LOG_STEP, PAIRS_KEY, bare

ORDER = 6  # pairs in the longest n-gram
DISCOUNT = 0.75
LEAST_GAIN = 1.4  # nats of training likelihood that an n-gram must earn to be kept
SAMPLE = 25_000  # words the alignment is learnt from
ROUNDS = 6
NEVER = 1e9

Phones = tuple[str, ...]
Pair = tuple[str, Phones]
Distribution = tuple[float, dict[str, float]]  # weight of the backoff, pair → probability
Model = dict[str, Distribution]  # context, oldest pair first → what follows


def _first_costs(words: Iterable[tuple[str, Phones]]) -> dict[Pair, float]:
    """Return costs in nats from how often letter and phone stand at about the same place."""
    together: Counter[Pair] = Counter()
    letters: Counter[str] = Counter()
    for word, phones in words:
        step = (len(phones) - 1) / max(1, len(word) - 1)
        for place, letter in enumerate(word):
            for at, phone in enumerate(phones):
                if (distance := abs(at - place * step)) <= 2:
                    together[letter, (phone,)] += 1000 // (1 + round(distance))
                    letters[letter] += 1000 // (1 + round(distance))
    costs = {pair: -math.log(times / letters[pair[0]]) for pair, times in together.items()}
    return costs | {(letter, ()): 2.5 for letter in letters}


def _aligned(word: str, phones: Phones, costs: Mapping[Pair, float]) -> list[Phones] | None:
    """Return the cheapest share of phones, none to three, for each letter; None where they do not fit."""
    width = len(phones) + 1
    best = [[NEVER] * width for _ in range(len(word) + 1)]
    taken = [[0] * width for _ in range(len(word) + 1)]
    best[0][0] = 0.0
    for place, letter in enumerate(word):
        here, after, steps = best[place], best[place + 1], taken[place + 1]
        for start in range(width):
            if here[start] >= NEVER:
                continue
            for end in range(start, min(start + 4, width)):
                price = here[start] + costs.get((letter, phones[start:end]), 14.0 + 3 * (end - start))
                if price < after[end]:
                    after[end], steps[end] = price, end - start
    if best[-1][-1] > 6 * len(word) + 6:  # an abbreviation, or a foreign spelling past learning from
        return None
    shares: list[Phones] = []
    end = len(phones)
    for steps in reversed(taken[1:]):
        shares.append(phones[end - steps[end] : end])
        end -= steps[end]
    return shares[::-1]


def _costs(words: Sequence[tuple[str, Phones]]) -> dict[Pair, float]:
    costs = _first_costs(words)
    for _ in range(ROUNDS):
        pairs: Counter[Pair] = Counter()
        for word, phones in words:
            pairs.update(zip(word, _aligned(word, phones, costs) or (), strict=False))
        letters: Counter[str] = Counter()
        for (letter, _phones), times in pairs.items():
            letters[letter] += times
        costs = {pair: -math.log(times / (letters[pair[0]] + 1)) for pair, times in pairs.items() if times > 1}
    return costs


def _settled(word: str, shares: list[Phones]) -> list[Phones]:
    """Give the sound of a doubled letter to the first of the two, so that one spelling is one sequence."""
    settled = list(shares)
    for place in range(len(word) - 1):
        if word[place] == word[place + 1] and not settled[place]:
            settled[place], settled[place + 1] = settled[place + 1], ()
    return settled


def pairs_of(lexicon: Mapping[str, Sequence[Phones]]) -> Iterator[list[Pair]]:
    """Yield each word as pairs of a letter and its phones, stress digits kept."""
    spelled = [(word.replace("'", ""), said[0]) for word, said in lexicon.items() if len(word) > 1]
    unstressed = [(word, tuple(map(bare, phones))) for word, phones in spelled]
    costs = _costs(random.Random(1).sample(unstressed, min(SAMPLE, len(unstressed))))
    for (word, phones), (_, plain) in zip(spelled, unstressed, strict=True):
        if shares := _aligned(word, plain, costs):
            pairs, start = list[Pair](), 0
            for letter, share in zip(word, _settled(word, shares), strict=True):
                pairs.append((letter, phones[start : start + len(share)]))
                start += len(share)
            yield pairs


def _counts(sequences: Iterable[str]) -> list[Counter[str]]:
    counts: list[Counter[str]] = [Counter() for _ in range(ORDER + 1)]
    for sequence in sequences:
        text = BEGIN + sequence + END
        for end in range(2, len(text) + 1):
            for size in range(1, min(ORDER, end) + 1):
                counts[size][text[end - size : end]] += 1
    return counts


def _kneser_ney(counts: Sequence[Counter[str]]) -> Model:
    model: Model = {}
    for size in range(1, ORDER + 1):
        seen = counts[size]
        if size < ORDER:  # count the contexts an n-gram is met in, not its occurrences
            contexts = Counter(longer[1:] for longer in counts[size + 1])
            seen = Counter({gram: counts[size][gram] if gram[0] == BEGIN else contexts[gram] for gram in seen})
        following: dict[str, dict[str, int]] = defaultdict(dict)
        for gram, times in seen.items():
            following[gram[:-1]][gram[-1]] = times
        for context, pairs in following.items():
            total = sum(pairs.values())
            rest = 0.0 if size == 1 else DISCOUNT * len(pairs) / total
            model[context] = (
                rest,
                {
                    pair: times / total
                    if size == 1
                    else (times - DISCOUNT) / total + rest * _chance(model, context[1:], pair)
                    for pair, times in pairs.items()
                },
            )
    return model


def _chance(model: Model, context: str, pair: str) -> float:
    factor = 1.0
    while True:
        rest, pairs = model.get(context, (1.0, {}))
        if pair in pairs:
            return factor * pairs[pair]
        if not context:
            return factor * 1e-7
        factor, context = factor * rest, context[1:]


def _pruned(model: Model, counts: Sequence[Counter[str]]) -> Model:
    kept = dict(model)
    for context in sorted(kept, key=len, reverse=True):
        if not context:
            continue
        rest, pairs = kept[context]
        lower = {pair: _chance(kept, context[1:], pair) for pair in pairs}
        seen = counts[len(context) + 1]
        worth = {
            pair: chance
            for pair, chance in pairs.items()
            if seen[context + pair] * math.log(chance / (rest * lower[pair])) > LEAST_GAIN
        }
        if worth:
            left = max(1 - sum(worth.values()), 1e-6), max(1 - sum(lower[pair] for pair in worth), 1e-6)
            kept[context] = left[0] / left[1], worth
        else:
            del kept[context]
    return kept


def _mark(chance: float) -> str:
    return chr(0x23 + min(90, round(-math.log(max(chance, 1e-12)) / LOG_STEP)))


def spelling_lines(lexicon: Mapping[str, Sequence[Phones]]) -> str:
    """Write `context<tab>weight of the backoff, then pairs with their probability` for every context."""
    words = list(pairs_of(lexicon))
    seen = Counter(pair for word in words for pair in word)
    inventory = {pair: chr(FIRST_PAIR + place) for place, (pair, times) in enumerate(seen.most_common()) if times > 3}
    sequences = ["".join(inventory[pair] for pair in word) for word in words if inventory.keys() >= set(word)]
    counts = _counts(sequences)
    model = _pruned(_kneser_ney(counts), counts)
    names = ",".join(f"{letter} {' '.join(phones)}" for letter, phones in inventory)
    lines = {PAIRS_KEY: names} | {
        context: _mark(rest) + "".join(pair + _mark(pairs[pair]) for pair in sorted(pairs))
        for context, (rest, pairs) in model.items()
    }
    return "".join(f"{key}\t{lines[key]}\n" for key in sorted(lines))
