"""A rulebook as a text that a person can read, and that the project loads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from reconcile.rules import Rulebook

WIDTH = 118


def rulebook_text(book: Rulebook) -> str:
    """Return a rulebook that was learned as YAML, under a line that says so."""
    head = f"# What {book.tool} {', '.join(book.versions)} counts, learned from what it returned for small models.\n"
    return head + rulebook_yaml(book)


def rulebook_yaml(book: Rulebook) -> str:
    """Return a rulebook as YAML."""
    return yaml.dump(book.model_dump(exclude_defaults=True), Dumper=_Dumper, sort_keys=False, width=WIDTH)


class _Dumper(yaml.SafeDumper):
    """Writes short lists on one line, and indents the items of long ones."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  # items are indented
        super().increase_indent(flow, False)

    def represent_sequence(
        self, tag: str, sequence: Iterable[Any], flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        node = super().represent_sequence(tag, sequence, flow_style)
        plain = all(isinstance(item, yaml.ScalarNode) for item in node.value)
        node.flow_style = plain and sum(len(str(item.value)) + 2 for item in node.value) < WIDTH - 20
        return node

    def represent_mapping(self, tag: str, mapping: Any, flow_style: Any = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        plain = all(isinstance(value, yaml.ScalarNode) for _, value in node.value)
        size = sum(len(str(key.value)) + len(str(value.value)) + 4 for key, value in node.value)
        node.flow_style = plain and 0 < size < WIDTH - 20 and len(node.value) <= 4  # a rule's counts
        return node
