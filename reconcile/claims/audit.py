"""An audit: a verdict for each published number of a file, and whether the numbers of each source are of one kind."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from reconcile.claims.claim import BadRow, Claim
from reconcile.claims.counts import Counts, CountsOf, counting, measures
from reconcile.claims.examine import Finding, examine
from reconcile.claims.hypothesis import Hypothesis, plain_measures, printing_of
from reconcile.claims.names import NamedModel, find_model
from reconcile.claims.question import Question, Table, question
from reconcile.claims.search import plain_hypotheses


@dataclass(frozen=True)
class AuditedClaim:
    """A claim with what was found, and whether it is out of line with the other numbers of its table."""

    claim: Claim
    finding: Finding
    called_out: str = ""

    @property
    def is_out_of_line(self) -> bool:
        """Whether it is wrong, not explained, or cannot be compared with the rest of its table."""
        return bool(self.called_out) or self.finding.verdict in ("slip", "unexplained")

    @property
    def ratio(self) -> float | None:
        """The printed number over the count of the best hypothesis; None where there is none."""
        best = self.finding.best
        return None if best is None else float(self.claim.value.value * self.claim.unit.share / best.count)

    @property
    def note(self) -> str:
        """What is out of the ordinary, and what else there is to say, in one line."""
        best = self.finding.best
        odd = (best.variant, best.slip, best.printing) if best is not None else ()
        return "; ".join(filter(None, (*odd, self.remarks)))

    @property
    def remarks(self) -> str:
        """What there is to say beside the hypothesis, in one line."""
        found = self.finding
        how_many: tuple[str, ...] = ()
        if found.verdict in _BEYOND_THE_LABEL:
            fits = len(found.alternatives) + 1
            shown = f"{found.chance:.1%}" if found.chance >= 0.0005 else "less than 0.1%"
            how_many = (f"{fits} of {found.tried} hypotheses fit, as one would for {shown} of random numbers",)
        return "; ".join(filter(None, (*found.notes, self.called_out, *how_many)))


_BEYOND_THE_LABEL = ("convention", "input", "variant", "slip")
"""Verdicts for which many things were tried."""


@dataclass(frozen=True)
class AuditedTable:
    """The numbers of one source in one unit: the measure that most of them fit, and how many do.

    ``countable`` are those of models that are here, ``fitting`` those that the measure fits on the stated inputs.
    """

    source: str
    unit: str
    measure: str
    claims: int
    countable: int
    fitting: int


@dataclass(frozen=True)
class Audit:
    """The rows of an audit in the file's order, and its tables."""

    rows: tuple[AuditedClaim | BadRow, ...]
    tables: tuple[AuditedTable, ...]

    @property
    def claims(self) -> tuple[AuditedClaim, ...]:
        """The rows that are claims."""
        return tuple(row for row in self.rows if isinstance(row, AuditedClaim))

    @property
    def bad_rows(self) -> tuple[BadRow, ...]:
        """The rows that are none."""
        return tuple(row for row in self.rows if isinstance(row, BadRow))

    @property
    def verdicts(self) -> Mapping[str, int]:
        """How many claims have each verdict."""
        return Counter(row.finding.verdict for row in self.claims)


def audit(
    rows: Iterable[Claim | BadRow],
    counts_of: CountsOf | None = None,
    progress: Callable[[str], None] = lambda _: None,
    *,
    own_models: bool = False,
) -> Audit:
    """Audit claims; ``progress`` is called with each claim's model as soon as the claim is looked at.

    ``own_models`` is whether a model ``package.module:callable`` is imported and built, which runs its code.

    First each table's measure is found: the one that most of its numbers fit. Then each number is examined, where what
    its table counts by is the first thing to try.
    """
    counts_of = counts_of or counting()
    known = tuple(rows)
    asked = {row: _ask(row, own_models=own_models) for row in known if isinstance(row, Claim)}
    plain = {}
    for claim, (_, found) in asked.items():
        progress(claim.model)
        plain[claim] = plain_hypotheses(found, counts_of) if found is not None else ()
    members: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in asked:
        members[claim.table].append(claim)
    tables = {key: _table(claims, plain, asked) for key, claims in members.items()}
    known_of = {
        key: Table(tables[key].measure, _counts(claims, plain, tables[key].measure)) for key, claims in members.items()
    }
    examined = {
        claim: _examined(claim, *asked[claim], plain[claim], tables[claim.table], known_of[claim.table], counts_of)
        for claim in asked
    }
    return Audit(tuple(row if isinstance(row, BadRow) else examined[row] for row in known), tuple(tables.values()))


def _ask(claim: Claim, *, own_models: bool) -> tuple[NamedModel, Question | None]:
    if claim.is_known_absent:
        return NamedModel(None, "the file names no model here for it"), None
    named = find_model(claim.model, claim.model_here, own_models=own_models)
    return named, None if named.spec is None else question(claim, named.spec)


def _table(
    claims: Sequence[Claim],
    plain: Mapping[Claim, Sequence[Hypothesis]],
    asked: Mapping[Claim, tuple[NamedModel, Question | None]],
) -> AuditedTable:
    """The measure that most numbers fit, two at least, else what the unit says; of several, that, then the others."""
    fitting: Counter[str] = Counter()
    for claim in claims:
        found = asked[claim][1]
        number = found.number if found is not None else claim.value
        fitting.update({item.measure for item in plain[claim] if printing_of(number, item.count) == ""})
    kind = claims[0].unit.kind
    order = plain_measures(kind)

    def rank(name: str) -> tuple[int, int, bool, str]:
        place = order.index(name) if name in order else len(order)
        return -fitting[name] if fitting[name] > 1 else 0, place, measures()[name].kind != kind, name

    measure = min((*order, *fitting), key=rank)
    countable = sum(bool(plain[claim]) for claim in claims)
    return AuditedTable(*claims[0].table, measure, len(claims), countable, fitting[measure])


def _counts(
    claims: Sequence[Claim], plain: Mapping[Claim, Sequence[Hypothesis]], measure: str
) -> Mapping[str, Fraction]:
    """What the table's rows count by its measure, by their models as they are printed."""
    found = {claim.model: next((x.count for x in plain[claim] if x.measure == measure), None) for claim in claims}
    return {model: count for model, count in found.items() if count is not None}


def _examined(
    claim: Claim,
    named: NamedModel,
    asked: Question | None,
    plain: Sequence[Hypothesis],
    audited: AuditedTable,
    table: Table,
    counts_of: CountsOf,
) -> AuditedClaim:
    if asked is None:
        return AuditedClaim(claim, Finding("not-countable", notes=(named.note,)))
    finding = examine(asked, named, plain, table, counts_of)
    return AuditedClaim(claim, finding, _out_of_line(claim, asked, finding, audited, counts_of))


def _out_of_line(claim: Claim, asked: Question, finding: Finding, table: AuditedTable, counts_of: CountsOf) -> str:
    """Why a number cannot be compared with the others of its table, as the end of a sentence; empty if it can."""
    if finding.best is None:
        return ""
    reasons = []
    is_of_table = finding.best.measure == table.measure and finding.verdict in (
        "confirmed",
        "mislabelled",
        "convention",
    )
    if not is_of_table and table.fitting > 1 and 2 * table.fitting > table.countable:
        reasons.append(f"{table.fitting} of {table.countable} rows count as {table.measure}, this one does not")
    if claim.parameters is not None:
        counts = counts_of(asked.network)
        if isinstance(counts, Counts) and not any(map(claim.parameters.is_rounded, counts.parameters.values())):
            reasons.append(f"the model has {counts.parameters['']:,} parameters, not {claim.parameters.text}")
    return "; ".join(reasons)
