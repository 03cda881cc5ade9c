"""Which tools have a newer version in the package index, and what it would change, before anyone upgrades."""

from reconcile.outdated.compare import NEWER, Standing, compare_with_index, unreachable_sentences
from reconcile.outdated.numbers import Number, Numbers, compare_models, numbers_of
from reconcile.outdated.study import Study, learn_newer
from reconcile.outdated.words import standing_object, study_object, study_sentences

__all__ = [
    "NEWER",
    "Number",
    "Numbers",
    "Standing",
    "Study",
    "compare_models",
    "compare_with_index",
    "learn_newer",
    "numbers_of",
    "standing_object",
    "study_object",
    "study_sentences",
    "unreachable_sentences",
]
