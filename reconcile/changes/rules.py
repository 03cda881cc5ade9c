"""What a tool counts by another rule: two rulebooks in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.rules import Rulebook, compare_rulebooks


def rule_sentences(then: Rulebook, now: Rulebook) -> Iterator[str]:
    """Yield what the later rulebook says otherwise, by layer, and of which layers only one of them has a formula."""
    yield from compare_rulebooks(then, now)
    without = [{name.partition(" (")[0] for name in book.without_formula} for book in (then, now)]
    titles = [f"{book.tool} {', '.join(book.versions)}" for book in (then, now)]
    for place, names in enumerate((without[0] - without[1], without[1] - without[0])):
        if names:
            lost, found = titles[place], titles[1 - place]
            yield f"{', '.join(sorted(names))}: no formula was found for {lost}, which differs from that of {found}."
