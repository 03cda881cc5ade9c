"""Tables made from true counts, with mistakes planted in some rows, and what an audit should say of each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from reconcile.claims import Claim, claim_of
from reconcile.claims.counts import Counts, CountsOf, Network
from reconcile.claims.inputs import stated_inputs
from reconcile.zoo import default_inputs, resolve

DIGITS = 4
"""Significant digits of a printed number."""


@dataclass(frozen=True)
class Planted:
    """A row, and the verdict that is right for it; ``words`` stand in its note."""

    claim: Claim
    verdict: str
    words: str = ""


Table = Sequence[str]
"""The models of a table."""


def planted(models: Table, counts_of: CountsOf, random: Random, share: float = 0.2) -> list[Planted]:
    """A table of multiply-adds in millions, all true but for some rows."""
    kinds: Sequence[Callable[[str, Table, CountsOf, Random], Planted | None]] = (
        power_of_ten, other_unit, parameters, other_row, lost_digit, wrong_input, other_network,
    )  # fmt: skip  # a list of names
    rows = []
    for model in models:
        made = random.choice(kinds)(model, models, counts_of, random) if random.random() < share else None
        rows.append(made or true_row(model, counts_of))
    return rows


def true_row(model: str, counts_of: CountsOf) -> Planted:
    return Planted(row(model, macs(model, counts_of), counts_of), "confirmed")


def power_of_ten(model: str, models: Table, counts_of: CountsOf, random: Random) -> Planted:
    factor = random.choice([1000, 10, 100])
    return Planted(row(model, macs(model, counts_of) * factor, counts_of), "slip", "a power of ten")


def other_unit(model: str, models: Table, counts_of: CountsOf, random: Random) -> Planted:
    return Planted(row(model, 2 * macs(model, counts_of), counts_of), "mislabelled")


def parameters(model: str, models: Table, counts_of: CountsOf, random: Random) -> Planted:
    return Planted(row(model, known(model, counts_of).parameters[""], counts_of), "slip", "the parameters")


def other_row(model: str, models: Table, counts_of: CountsOf, random: Random) -> Planted | None:
    other = random.choice([name for name in models if name != model])
    value = macs(other, counts_of)
    if printed(value) == printed(macs(model, counts_of)):
        return None
    return Planted(row(model, value, counts_of), "slip", "another row")


def lost_digit(model: str, models: Table, counts_of: CountsOf, random: Random) -> Planted | None:
    text = printed(macs(model, counts_of))
    place = random.choice([place for place in range(len(text) - 1) if text[place] != "."])
    less = text[:place] + text[place + 1 :]
    if less.startswith((".", "0")) or less.rstrip(".") == text.rstrip("0."):
        return None
    return Planted(row(model, 0, counts_of, less), "slip", "digit")


def wrong_input(model: str, models: Table, counts_of: CountsOf, random: Random) -> Planted | None:
    size = random.choice([256, 288, 320, 384, 192])
    given = stated_inputs(str(size), default_inputs(model)).inputs[0]
    counts = counts_of(Network(resolve(model), given))
    if isinstance(counts, str):
        return None
    return Planted(row(model, counts.by_measure["macs"], counts_of), "input")


def other_network(model: str, models: Table, counts_of: CountsOf, random: Random) -> Planted | None:
    from reconcile.claims.variants import stride_on_first  # beside the one function that uses it

    given = stated_inputs("224", default_inputs(model)).inputs[0]
    counts = counts_of(Network(resolve(model), given, stride_on_first))
    if isinstance(counts, str) or counts.by_measure["macs"] == macs(model, counts_of):
        return None
    return Planted(row(model, counts.by_measure["macs"], counts_of), "variant", "stride")


def row(model: str, value: int, counts_of: CountsOf, text: str = "") -> Claim:
    size = known(model, counts_of).input.rpartition("x")[2]
    cells = {"model": model, "value": text or printed(value), "unit": "MAdds (M)", "input": size, "source": "a paper"}
    made = claim_of(cells, model)
    assert isinstance(made, Claim), made
    return made


def printed(value: int) -> str:
    """Millions with four significant digits, none behind the point if there are as many before it."""
    millions = value / 1e6
    places = max(0, DIGITS - len(str(int(millions))))
    return f"{millions:.{places}f}"


def macs(model: str, counts_of: CountsOf) -> int:
    return known(model, counts_of).by_measure["macs"]


def known(model: str, counts_of: CountsOf) -> Counts:
    """The counts of a model on an image of 224 pixels."""
    counts = counts_of(Network(resolve(model), stated_inputs("224", default_inputs(model)).inputs[0]))
    assert isinstance(counts, Counts), counts
    return counts


def judged(rows: Sequence[Planted], found: Mapping[Claim, tuple[str, str]]) -> tuple[int, int, int, int, list[str]]:
    """How many mistakes there are and how many were named right; how many true rows, and how many were not left so."""
    mistakes = named = true = alarms = 0
    wrong = []
    for item in rows:
        verdict, note = found[item.claim]
        right = verdict == item.verdict and item.words in note
        if item.verdict == "confirmed":
            true, alarms = true + 1, alarms + (not right)
        else:
            mistakes, named = mistakes + 1, named + right
        if not right:
            wrong.append(
                f"{item.claim.model} {item.claim.value.text}: {item.verdict} {item.words}, found {verdict} {note}"
            )
    return mistakes, named, true, alarms, wrong
