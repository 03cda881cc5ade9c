"""What loops executed, read off their tally as terms."""

from __future__ import annotations

from tests.truth.numbers import Tally
from tests.truth.terms import Terms


def products(tally: Tally) -> Terms:
    """The terms of sums of products: ``mac``, ``padding_mac``, ``first_add`` and ``bias``.

    A sum of n products takes n - 1 additions, so products less additions are the additions that sums do not need.
    """
    done = tally["products"]
    return {
        "mac": done["multiply"],
        "padding_mac": done["multiply_padding"] + done["cut_off"],
        "first_add": done["multiply"] - done["cut_off"] - done["add"],
        "bias": tally["bias"]["add"],
    }


def softmax(tally: Tally) -> Terms:
    done = tally["softmax"]
    return {"softmax": done["exponential"], "softmax_row": done["exponential"] - done["add"]}


def attention(tally: Tally) -> Terms:
    elementwise = tally["scale"]["multiply"] + tally["mask"]["add"]
    return {**products(tally), **softmax(tally), "elementwise": elementwise}


def normalization(tally: Tally) -> Terms:
    """The terms of a normalization by mean and variance."""
    normalize, mean, variance = tally["normalize"], tally["mean"], tally["variance"]
    assert normalize["subtract"] == normalize["divide"]
    assert mean == variance, "the variance is a mean of squares"
    assert tally["deviation"]["multiply"] == tally["deviation"]["subtract"] == mean.total()
    assert tally["shift"].total() in (0, tally["affine"].total())
    return {
        "normalize": normalize["divide"],
        "statistics": mean["add"] + mean["divide"],
        "affine": tally["affine"]["multiply"],
    }


def normalization_by_mean_square(tally: Tally) -> Terms:
    """The terms of a normalization by the mean square."""
    assert tally["normalize"].keys() == {"divide"}
    assert tally["deviation"]["multiply"] == tally["mean"].total()
    return {
        "normalize": tally["normalize"]["divide"],
        "statistics": tally["mean"]["add"] + tally["mean"]["divide"],
        "affine": tally["affine"]["multiply"],
    }
