"""Non-maximum suppression: the formula counts every pair of boxes, as loops compare them."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import nms

from tests.truth import detection as loops
from tests.truth.cases import cases, values
from tests.truth.numbers import Tally
from tests.truth.terms import Terms, check

CASES = 80
"""Cases of suppression."""

corners = st.tuples(*[st.integers(0, 6)] * 4).map(lambda at: (at[0], at[1], at[0] + at[2] + 1, at[1] + at[3] + 1))


def terms(tally: Tally) -> Terms:
    elementwise = tally["area"].total() + tally["pair"].total()
    return {"elementwise": elementwise, "compare": tally["compare"]["compare"]}


@cases(CASES)
@given(boxes=st.lists(corners, min_size=1, max_size=8), threshold=st.sampled_from([0.1, 0.3, 0.7]))
def test_suppression_compares_every_pair_of_boxes(boxes: list[tuple[int, int, int, int]], threshold: float) -> None:
    check(
        lambda boxes, scores: nms(boxes, scores, threshold).double(),
        (torch.tensor(boxes, dtype=torch.float64), values(len(boxes))),
        lambda boxes, scores: loops.kept_boxes(boxes, scores, threshold),
        terms,
    )
