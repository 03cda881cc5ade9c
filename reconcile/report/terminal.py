"""A run and a single difference as terminal text. Functions return renderables; printing is up to the caller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reconcile.claims import VERDICTS, Audit, AuditedClaim
from reconcile.diff.result import LayerDifference, Proof, Reconciliation
from reconcile.report.breakdown import CauseLine, breakdown
from reconcile.report.names import layer_label
from reconcile.report.numbers import exact, percent, plural, ratio, si, signed, signed_si
from reconcile.report.overview import CauseTotal, Overview, overview
from reconcile.run.result import Cell, Run

_LISTED = 10
_LAYERS_LISTED = 8
_PROOFS_LISTED = 12
_BAR_WIDTH = 12
_NAME_WIDTH = 26
_TITLES = {"compute": "compute", "params": "parameters"}


def summary(run: Run) -> RenderableType:
    """How many cells agree, which causes make up the rest, what is unexplained and what failed."""
    found = overview(run)
    parts: list[RenderableType] = [_counts(found)]
    for metric, totals in found.causes.items():
        if totals:
            parts += ["", _cause_table(_TITLES.get(metric, metric), totals)]
    if found.unexplained:
        parts += ["", Text("Unexplained", style="bold red"), _unexplained_table(found.unexplained)]
    if found.failed:
        parts += ["", Text("Without a number", style="bold"), _failed_table(found.failed)]
    return Group(*parts)


def audit_summary(audit: Audit) -> RenderableType:
    """How many numbers have each verdict, and those that are out of line; a single number with all that fits."""
    if len(audit.rows) == 1 and audit.claims:
        return _one_claim(audit.claims[0])
    counts = Table.grid(padding=(0, 1))
    counts.add_column(justify="right")
    for verdict in VERDICTS:
        if number := audit.verdicts.get(verdict):
            counts.add_row(exact(number), Text(verdict))
    if audit.bad_rows:
        counts.add_row(exact(len(audit.bad_rows)), Text("rows that are no claims"))
    parts: list[RenderableType] = [counts]
    wrong = [row for row in audit.claims if row.is_out_of_line]
    if wrong:
        table = _table()
        for title in ("model", "printed", "verdict", "what there is to say"):
            table.add_column(title)
        for row in wrong[:_LISTED]:
            claim = row.claim
            printed = f"{claim.value.text} {claim.unit.text}"
            table.add_row(Text(claim.model), Text(printed), Text(row.finding.verdict), Text(row.note))
        parts += ["", Text("Out of line", style="bold"), _and_more(table, len(wrong) - _LISTED)]
    return Group(*parts)


def _one_claim(row: AuditedClaim) -> RenderableType:
    best, claim = row.finding.best, row.claim
    head = Text.assemble((row.finding.verdict, "bold"), f": {claim.model}, {claim.value.text} {claim.unit.text}")
    parts: list[RenderableType] = [head]
    if best is not None and row.ratio is not None:
        parts.append(Text(f"{'nearest' if row.finding.is_nearest else 'fits'}  {best.words}"))
    parts += [Text(f"also  {item.words}") for item in row.finding.alternatives]
    if row.remarks:
        parts.append(Text(row.remarks))
    return Group(*parts)


def explain(model: str, input: str, tool: str, reconciliation: Reconciliation) -> RenderableType:  # noqa: A002  # as Cell
    """Why the tool says what it says: from the reference, cause by cause, to the tool's number; then the top layers."""
    lines = breakdown(reconciliation)
    parts: list[RenderableType] = [_heading(model, input, tool, reconciliation), ""]
    parts += _waterfall(tool, reconciliation, lines)
    parts += ["", _verdict(reconciliation)]
    proofs = [proof for proof in reconciliation.proofs if proof.cause]
    if proofs:
        parts += ["", _proof_table(tool, proofs)]
    ranked = sorted((layer for layer in reconciliation.layers if _differs(layer)), key=_by_size)
    if ranked:
        parts += ["", _layer_table(ranked)]
    return Group(*parts)


def _counts(found: Overview) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right")
    grid.add_column(justify="right")
    grid.add_column()
    groups: tuple[tuple[int, str, str], ...] = (
        (len(found.agreeing), "agree exactly with the reference", "green"),
        (len(found.explained), "differ, with every operation explained", "cyan"),
        (len(found.unexplained), "differ, in part unexplained", "bold red"),
        (len(found.failed), "gave no number", "yellow"),
    )
    for count, label, style in groups:
        shown = style if count else "dim"
        grid.add_row(Text(exact(count), style=shown), Text(percent(count, found.cells), style="dim"), Text(label))
    size = f"{plural(found.models, 'model')} × {plural(found.tools, 'tool')}, {plural(found.cells, 'cell')}"
    agreeing = ", ".join(
        f"{_TITLES.get(metric, metric)} in {exact(count)}" for metric, count in found.agreeing_in.items()
    )
    return Group(Text(size, style="bold"), grid, Text(f"Taken singly, the metrics agree: {agreeing}.", style="dim"))


def _cause_table(title: str, totals: Sequence[CauseTotal]) -> Table:
    table = _table(f"Causes of differences in {title}")
    table.add_column("cause")
    table.add_column("cells", justify="right")
    table.add_column("sum of |delta|", justify="right")
    table.add_column("share", justify="right")
    table.add_column("", no_wrap=True)
    for total in totals:
        table.add_row(
            Text(total.code),
            exact(total.cells),
            si(total.magnitude),
            percent(total.magnitude, total.gross),
            Text(_bar(total.magnitude, total.gross), style="cyan"),
        )
    return table


def _unexplained_table(cells: Iterable[Cell]) -> RenderableType:
    rows = [
        (
            abs(item.residual),
            (cell.model, cell.tool, item.metric, signed(item.residual), str(len(item.unexplained_layers))),
        )
        for cell in cells
        for item in cell.reconciliations.values()
        if item.residual or item.unexplained_layers
    ]
    rows.sort(key=lambda row: -row[0])
    table = _table()
    for heading, side in (
        ("model", "left"),
        ("tool", "left"),
        ("metric", "left"),
        ("residual", "right"),
        ("layers", "right"),
    ):
        table.add_column(heading, justify="right" if side == "right" else "left", overflow="fold")
    for _, row in rows[:_LISTED]:
        table.add_row(*map(Text, row))
    return _and_more(table, len(rows) - _LISTED)


def _failed_table(cells: Sequence[Cell]) -> RenderableType:
    table = _table()
    for heading in ("model", "tool", "status", "error"):
        table.add_column(heading, overflow="fold")
    for cell in cells[:_LISTED]:
        table.add_row(Text(cell.model), Text(cell.tool), Text(cell.status, style="yellow"), Text(cell.error))
    return _and_more(table, len(cells) - _LISTED)


def _heading(model: str, given: str, tool: str, item: Reconciliation) -> Text:
    metric = _TITLES.get(item.metric, item.metric)
    return Text.assemble((model, "bold"), ("  ", ""), (given, "dim"), ("  ", ""), (f"{tool}, {metric}", ""))


def _waterfall(tool: str, item: Reconciliation, lines: Sequence[CauseLine]) -> Iterator[RenderableType]:
    totals = (exact(item.reference), exact(item.value))
    names = min(max(cell_len(name) for name in ("reference", tool, *(f"  {line.code}" for line in lines))), _NAME_WIDTH)
    width = max(map(len, (*totals, *(signed(line.delta) for line in lines))))
    first = _row("reference", totals[0], si(item.reference), names=names, width=width, style="bold")
    yield first.append(f"  {item.reference_unit} ({item.reference_convention})", style="dim")
    for line in lines:
        style = _style(line)
        row = _row(f"  {line.code}", signed(line.delta), signed_si(line.delta), names=names, width=width, style=style)
        row.append(f"  {percent(abs(line.delta), line.gross):>7}  ")
        yield row.append(_bar(abs(line.delta), line.gross), style=style)
        if line.where:
            yield _indented(Text(f"in {line.where}"))
        if line.meaning:
            yield _indented(Text(line.meaning, style="dim"))
    last = _row(tool, totals[1], si(item.value), names=names, width=width, style="bold")
    compared = f"  {item.unit}" if item.ratio is None else f"  {item.unit}, {ratio(item.ratio)} × the reference"
    yield last.append(compared, style="dim")


def _row(name: str, amount: str, short: str, *, names: int, width: int, style: str) -> Text:
    # A name that does not fit is cut by the cells that it takes on the screen.
    shown = name if cell_len(name) <= names else set_cell_size(name, names - 1) + "…"
    return Text.assemble((set_cell_size(shown, names), style), f"  {amount:>{width}}", (f"  {short:>9}", style))


def _style(line: CauseLine) -> str:
    if line.is_residual:
        return "bold red"
    return "yellow" if line.delta > 0 else "cyan"


def _indented(text: Text) -> Padding:
    return Padding(text, (0, 0, 0, 4), expand=False)


def _verdict(item: Reconciliation) -> Text:
    if item.difference == 0:
        return Text("Agrees exactly with the reference.", style="green")
    size = signed(item.difference)
    if item.reference and item.unit == item.reference_unit:
        size += f", {percent(item.difference, item.reference)} of the reference"
    if item.residual:
        return Text(f"Unexplained: {signed(item.residual)} of {size}.", style="bold red")
    return Text(f"Explained to the last operation: {size}.", style="green")


def _proof_table(tool: str, proofs: Sequence[Proof]) -> RenderableType:
    table = _table("What either side counts")
    for heading in ("cause, where", tool, "reference"):
        table.add_column(heading, overflow="fold")
    table.add_column("difference", justify="right", no_wrap=True)
    for proof in proofs[:_PROOFS_LISTED]:
        where = plural(len(proof.layers), "layer")
        table.add_row(
            Text.assemble(proof.cause, (f"\n{proof.subject}, {where}", "dim")),
            Text.assemble(proof.tool_formula, (f"\n{exact(proof.tool)}", "dim")),
            Text.assemble(proof.reference_formula, (f"\n{exact(proof.reference)}", "dim")),
            signed(proof.delta),
        )
    return _and_more(table, len(proofs) - _PROOFS_LISTED)


def _layer_table(ranked: Sequence[LayerDifference]) -> RenderableType:
    table = _table("Layers that differ most")
    table.add_column("layer", overflow="fold")
    table.add_column("type", overflow="fold")
    table.add_column("difference", justify="right", no_wrap=True)
    table.add_column("causes", overflow="fold")
    for layer in ranked[:_LAYERS_LISTED]:
        causes = [cause for cause, delta in layer.causes.items() if delta]
        if layer.residual:
            causes.append(f"unexplained {signed(layer.residual)}")
        table.add_row(
            Text(layer_label(layer.layer)),
            Text(layer.layer_type, style="dim"),
            signed(layer.difference),
            Text(", ".join(causes), style="bold red" if layer.residual else ""),
        )
    return _and_more(table, len(ranked) - _LAYERS_LISTED)


def _differs(layer: LayerDifference) -> bool:
    return bool(layer.difference or any(layer.causes.values()))


def _by_size(layer: LayerDifference) -> int:
    return -abs(layer.difference)


def _table(title: str = "") -> Table:
    return Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )


def _bar(part: int, whole: int) -> str:
    """A bar in eighths of a character; what is not nothing is seen."""
    eighths = max(round(8 * _BAR_WIDTH * part / whole), 1) if part and whole else 0
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def _and_more(table: Table, hidden: int) -> RenderableType:
    return Group(table, Text(f"… and {exact(hidden)} more", style="dim")) if hidden > 0 else table
