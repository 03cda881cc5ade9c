"""A world in which runs are made: tools, models, versions; and changes to it that are known, as they are planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random

from reconcile.changes.record import ClaimKey, ModelKey, ModelRecord, Number, NumberKey, Record, ToolRecord, Verdict
from reconcile.changes.result import Comparison
from reconcile.rules import Rule, Rulebook, load_rulebook

Change = tuple[str, str, str, str]
"""A kind of change, a model, a column, a metric; empty where the kind has none."""

Reported = dict[Change, frozenset[str]]
"""Changes with the codes of their reasons."""


@dataclass(frozen=True)
class World:
    """What determines runs. A column's number is its model's count times a factor, plus an offset per model."""

    versions: dict[str, str]
    sources: dict[str, str]
    settings: dict[str, str]
    tools: dict[str, ToolRecord]
    counts: dict[str, int]
    inputs: dict[str, str]
    offsets: dict[tuple[str, str], int]
    explained: dict[tuple[str, str], int]
    failing: dict[tuple[str, str], str]
    rulebooks: dict[str, Rulebook]
    verdicts: dict[str, str]
    seconds: dict[str, float]

    def run(self, week: int) -> Record:
        numbers = {}
        for model in self.counts:
            for tool in self.tools:
                for metric, of_model in (("compute", self.counts[model]), ("params", 10 * self.counts[model])):
                    key = NumberKey(model, self.inputs[model], tool, metric)
                    numbers[key] = self._number(model, tool, metric, of_model)
        return Record(
            run_id=f"run-{week:03}",
            started=f"2026-{1 + week // 28:02}-{1 + week % 28:02}T05:17:00+00:00",
            versions=self.versions,
            sources=self.sources,
            settings=self.settings,
            tools=self.tools,
            models={
                ModelKey(model, self.inputs[model]): ModelRecord(
                    mode="eval",
                    execution="real" if model == READS_VALUES else "meta",
                    counts={"compute": count, "params": 10 * count},
                    source="a" if ":" in model else "",
                )
                for model, count in self.counts.items()
            },
            numbers=numbers,
            rulebooks=self.rulebooks,
            verdicts={
                ClaimKey("a paper", "Table 1", model, "1.8e9", "FLOPs", "224", 0): Verdict(verdict)
                for model, verdict in self.verdicts.items()
            },
        )

    def _number(self, model: str, tool: str, metric: str, of_model: int) -> Number:
        place = (tool, model)
        cost = {"seconds": self.seconds[tool], "peak_rss_mb": 700.0}
        if place in self.failing:
            return Number("failed", reference=of_model, error=self.failing[place], **cost)
        offset = self.offsets.get(place, 0) if metric == "compute" else 0
        explained = offset if metric == "params" else self.explained.get(place, offset)
        causes = {"bias": explained} if explained else {}
        return Number("ok", of_model + offset, "MAC", of_model, offset - explained, causes, **cost)


READS_VALUES = "maskrcnn_resnet50_fpn"
MODELS = ("alexnet", "resnet18", "resnet50", "vit_b_16", "swin_t", "timm/vit_tiny_patch16_224", READS_VALUES, "own:net")
TOOLS = ("thop", "ptflops-pytorch", "fvcore", "torchinfo")


def world(random: Random) -> World:
    return World(
        versions={
            "torch": "2.9.0",
            "torchvision": "0.24.0",
            "timm": "1.0.15",
            "python": "3.11.7",
            "reconcile": "0.1.0",
        },
        sources=dict.fromkeys(("measuring", "zoo", "counting", "explaining", "auditing"), "1"),
        settings={"convention": "macs", "execution": "without-arithmetic", "seed": "0", "processor": "A, AVX2"},
        tools={tool: ToolRecord("1.0", adapter="1") for tool in TOOLS},
        counts={model: random.randrange(10**6, 10**10) for model in MODELS},
        inputs=dict.fromkeys(MODELS, "1x3x224x224"),
        offsets={(tool, model): random.randrange(1, 10**5) for tool in TOOLS for model in MODELS},
        explained={},
        failing={("torchinfo", "swin_t"): "KeyError: 'a'"},
        rulebooks={tool: load_rulebook(tool) for tool in TOOLS},
        verdicts={"resnet18": "mislabelled", "alexnet": "confirmed"},
        seconds={tool: random.uniform(0.5, 5) for tool in TOOLS},
    )


@dataclass(frozen=True)
class Planted:
    """A changed world, and what is to be reported of it, each with the codes of its reasons.

    ``determinant`` is what was changed, whether or not it has an effect.
    """

    world: World
    expected: Reported
    determinant: str = ""

    @property
    def codes(self) -> frozenset[str]:
        """What may be a reason after this."""
        return frozenset().union(*self.expected.values(), {self.determinant} - {""})


def _measured(now: World, tool: str) -> list[str]:
    return [model for model in MODELS if (tool, model) not in now.failing]


def _known_tools(now: World) -> list[str]:
    return [tool for tool in TOOLS if tool in now.tools]


def nothing(now: World, _: Random) -> Planted:
    return Planted(now, {})


def version(now: World, random: Random) -> Planted:
    """A version that changes no number."""
    tool = random.choice(_known_tools(now))
    return Planted(replace(now, tools=now.tools | {tool: replace(now.tools[tool], version="1.1")}), {}, "tool")


def rule(now: World, random: Random) -> Planted:
    """A version that counts a layer otherwise, on some models."""
    tool = random.choice(_known_tools(now))
    models = random.sample(_measured(now, tool), 3)
    book = now.rulebooks[tool]
    part = "operators" if book.operators is not None else "modules"
    more = [Rule(names=["torch.nn.Planted"], counts={"mac": 2}), *getattr(book, part).rules]
    changed = getattr(book, part).model_copy(update={"rules": more})
    return Planted(
        replace(
            now,
            tools=now.tools | {tool: replace(now.tools[tool], version="2.0")},
            offsets=now.offsets
            | {(tool, model): now.offsets[tool, model] + 1 + random.randrange(99) for model in models},
            rulebooks=now.rulebooks | {tool: book.model_copy(update={part: changed})},
        ),
        {("rule", "", tool, ""): frozenset({"tool"})}
        | {("number", model, tool, "compute"): frozenset({"tool"}) for model in models},
    )


def model(now: World, random: Random) -> Planted:
    """A version of a library that builds a model otherwise: every column's numbers of it move."""
    name = random.choice(MODELS[:-1])
    library = "timm" if name.startswith("timm/") else "torchvision"
    why = frozenset({"library"})
    return Planted(
        replace(now, versions=now.versions | {library: "9.9"}, counts=now.counts | {name: now.counts[name] + 17}),
        {("count", name, "", metric): why for metric in ("compute", "params")}
        | {
            ("number", name, tool, metric): why
            for tool in now.tools
            if (tool, name) not in now.failing
            for metric in ("compute", "params")
        },
    )


def _with_more(now: World, tool: str, model: str, delta: int) -> World:
    """A column that says so much more of a model, of which its rules know nothing."""
    place = (tool, model)
    return replace(
        now,
        offsets=now.offsets | {place: now.offsets[place] + delta},
        explained={place: now.offsets[place]} | now.explained,
    )


def torch(now: World, random: Random) -> Planted:
    """A version of torch under which one tool sees something else."""
    name = random.choice(MODELS)
    newer = replace(now, versions=now.versions | {"torch": "2.10.0"})
    return Planted(_with_more(newer, "fvcore", name, -3), {("number", name, "fvcore", "compute"): frozenset({"torch"})})


def machine(now: World, _: Random) -> Planted:
    """Another processor, by which the model whose control flow reads values computes something else."""
    newer = replace(now, settings=now.settings | {"processor": "B, AVX512"})
    return Planted(
        _with_more(newer, "fvcore", READS_VALUES, 7),
        {("number", READS_VALUES, "fvcore", "compute"): frozenset({"machine"})},
    )


def failure(now: World, random: Random) -> Planted:
    """A tool that fails on a model, and nothing has changed."""
    tool, name = random.choice(TOOLS[:3]), random.choice(MODELS)
    return Planted(
        replace(now, failing=now.failing | {(tool, name): "OSError: no"}),
        {("status", name, tool, ""): frozenset()},
    )


def recovery(now: World, _: Random) -> Planted:
    """A version under which a model works that did not."""
    failing = {place: error for place, error in now.failing.items() if place != ("torchinfo", "swin_t")}
    return Planted(
        replace(now, tools=now.tools | {"torchinfo": replace(now.tools["torchinfo"], version="1.1")}, failing=failing),
        {("status", "swin_t", "torchinfo", ""): frozenset({"tool"})},
    )


def new_column(now: World, _: Random) -> Planted:
    return Planted(
        replace(
            now,
            tools=now.tools | {"flopth": ToolRecord("0.1.6")},
            seconds=now.seconds | {"flopth": 1.0},
        ),
        {("column", "", "flopth", ""): frozenset()},
    )


def column_gone(now: World, _: Random) -> Planted:
    tools = {tool: record for tool, record in now.tools.items() if tool != "torchinfo"}
    return Planted(replace(now, tools=tools), {("column", "", "torchinfo", ""): frozenset()})


def adapter(now: World, random: Random) -> Planted:
    """This project reads a tool otherwise."""
    tool = random.choice(_known_tools(now))
    name = random.choice(_measured(now, tool))
    newer = replace(now, tools=now.tools | {tool: replace(now.tools[tool], adapter="2")})
    return Planted(_with_more(newer, tool, name, 5), {("number", name, tool, "compute"): frozenset({"project"})})


def explanation(now: World, random: Random) -> Planted:
    """This project explains a number otherwise: what was explained is left over."""
    tool = random.choice(_known_tools(now))
    name = random.choice(_measured(now, tool))
    return Planted(
        replace(
            now,
            sources=now.sources | {"explaining": "2"},
            explained=now.explained | {(tool, name): now.explained.get((tool, name), now.offsets[tool, name]) + 1},
        ),
        {("explanation", name, tool, "compute"): frozenset({"project"})},
    )


def unexplained(now: World, random: Random) -> Planted:
    """A number that is another though nothing has changed."""
    tool = random.choice(_known_tools(now))
    name = random.choice(_measured(now, tool))
    return Planted(_with_more(now, tool, name, 1), {("number", name, tool, "compute"): frozenset()})


def given_input(now: World, random: Random) -> Planted:
    """A model that is asked for on another input."""
    name = random.choice(MODELS)
    why = frozenset({"configuration"})
    return Planted(
        replace(now, inputs=now.inputs | {name: "1x3x299x299"}, counts=now.counts | {name: 2 * now.counts[name]}),
        {("input", name, "", ""): frozenset()}
        | {("count", name, "", metric): why for metric in ("compute", "params")}
        | {
            ("number", name, tool, metric): why
            for tool in now.tools
            if (tool, name) not in now.failing
            for metric in ("compute", "params")
        },
    )


def verdict(now: World, _: Random) -> Planted:
    return Planted(
        replace(now, sources=now.sources | {"auditing": "2"}, verdicts=now.verdicts | {"alexnet": "slip"}),
        {("verdict", "alexnet", "", ""): frozenset({"project"})},
    )


def slower(now: World, _: Random) -> Planted:
    """One column takes twice as long, on a machine that is a fifth slower for all."""
    seconds = {tool: 1.2 * taken for tool, taken in now.seconds.items()}
    return Planted(
        replace(now, seconds=seconds | {"fvcore": 3 * seconds["fvcore"]}), {("cost", "", "fvcore", ""): frozenset()}
    )


PLANTS: dict[str, Callable[[World, Random], Planted]] = {
    plant.__name__: plant
    for plant in (
        nothing, version, rule, model, torch, machine, failure, recovery, new_column, column_gone, adapter, explanation,
        unexplained, given_input, verdict, slower,
    )
}  # fmt: skip  # a list of names


def reported(found: Comparison) -> Reported:
    """All changes of a comparison."""
    return {place: frozenset(codes) for place, codes in _reported(found)}


def _reported(found: Comparison) -> Iterator[tuple[Change, list[str]]]:
    for tool in (*found.columns.gone, *found.columns.new):
        yield ("column", "", tool, ""), []
    for key in (*found.models.gone, *found.models.new):
        yield ("model", key.model, "", ""), []
    for pair in found.models.both:
        if pair.before != pair.after:
            yield ("input", pair.after.model, "", ""), []
    for item in found.rules:
        yield ("rule", "", item.tool, ""), [reason.code for reason in item.reasons]
    for number in found.numbers:
        assert number.is_balanced
        place = ("number", number.model.model, number.tool, number.metric)
        yield place, [reason.code for reason in number.reasons]
    for count in found.counts:
        yield ("count", count.model.model, "", count.metric), [reason.code for reason in count.reasons]
    for status in found.statuses:
        yield ("status", status.model.model, status.tool, ""), [reason.code for reason in status.reasons]
    for changed in found.explanations:
        place = ("explanation", changed.model.model, changed.tool, changed.metric)
        yield place, [reason.code for reason in changed.reasons]
    for metric in found.metrics:
        yield ("metric", "", metric.tool, metric.metric), []
    for judged in found.verdicts:
        yield ("verdict", judged.claim.model, "", ""), [reason.code for reason in judged.reasons]
    for cost in found.costs:
        yield ("cost", "", cost.tool, ""), []
