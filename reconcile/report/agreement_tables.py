"""How tools agree with each other as two tables: a row for each pair of tools, and the flips that matter most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconcile.report.agreement import Agreement, Pair, Ratio
from reconcile.report.names import model_labels
from reconcile.report.tables import Row, Table

AGREEMENT_COLUMNS = (
    "metric", "tool", "other_tool", "models", "equal", "share_equal", "median_ratio", "largest_ratio",
    "largest_ratio_model", "model_pairs", "flipped_pairs", "share_flipped", "kendall_tau", "causes",
)  # fmt: skip  # a list of names
FLIP_COLUMNS = (
    "metric", "tool", "unit", "other_tool", "other_unit", "lower_model", "lower_input", "upper_model", "upper_input",
    "lower_value", "upper_value", "gap", "other_lower_value", "other_upper_value", "other_gap",
)  # fmt: skip  # a list of names


def agreement_table(compared: Iterable[Agreement]) -> Table:
    """A row for each metric and pair of columns. Counts are exact, shares and ratios rounded to a double."""
    return Table(AGREEMENT_COLUMNS, tuple(_pair_row(found, pair) for found in compared for pair in found.pairs))


def flips_table(compared: Iterable[Agreement]) -> Table:
    """A row for each flip that is kept: the tool says that the lower model is below the upper one, the other above.

    Values are as the tools gave them, each in its own unit.
    """
    return Table(
        FLIP_COLUMNS, tuple(row for found in compared for pair in found.pairs for row in _flip_rows(found, pair))
    )


def _pair_row(found: Agreement, pair: Pair) -> Row:
    order = pair.order
    labels = model_labels(found.models)
    return (
        found.metric,
        pair.tool.name,
        pair.other.name,
        pair.models,
        pair.equal,
        _share(pair.equal, pair.models),
        _rounded(pair.median_ratio),
        _rounded(pair.largest_ratio),
        labels[pair.largest_ratio_model] if pair.largest_ratio_model is not None else None,
        order.model_pairs,
        order.flipped,
        _share(order.flipped, order.model_pairs),
        _rounded(order.kendall_tau),
        ", ".join(f"{cause.code}: {cause.models}" for cause in pair.causes),
    )


def _flip_rows(found: Agreement, pair: Pair) -> Iterator[Row]:
    ours, theirs = pair.tool.levels, pair.other.levels
    for flip in pair.order.flips:
        lower, upper = flip.lower, flip.upper
        yield (
            found.metric,
            pair.tool.name,
            ours[lower].unit,
            pair.other.name,
            theirs[lower].unit,
            *lower,
            *upper,
            ours[lower].own,
            ours[upper].own,
            flip.gap,
            theirs[lower].own,
            theirs[upper].own,
            flip.other_gap,
        )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _rounded(number: Ratio | None) -> float | None:
    return None if number is None else float(number)
