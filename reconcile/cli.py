"""The command line. Every error of use is one sentence on standard error and exit status 2."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any, get_args

import click
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from reconcile import __version__
from reconcile.api import Grouping, ModelCount
from reconcile.changes import HISTORY, compare_runs, read_record
from reconcile.claims import VERDICTS, BadRow, Claim, audit, claim_of, claims_by_name
from reconcile.diff import CAUSES, reconcile_measurements
from reconcile.environments import environments, make_environment
from reconcile.errors import ReconcileError, did_you_mean
from reconcile.isolation import Workers
from reconcile.jobs import PRELOAD
from reconcile.learn import NUMBER_OF_JOBS, learn, lesson_sentences, rulebook_text
from reconcile.outdated import (
    NEWER,
    Numbers,
    Standing,
    Study,
    compare_models,
    compare_with_index,
    learn_newer,
    standing_object,
    study_object,
    study_sentences,
    unreachable_sentences,
)
from reconcile.reference import (
    COUNTING,
    DEFAULT_CONVENTION,
    convention_names,
    count_trace,
    load_convention,
    what_is_left_out,
)
from reconcile.report import (
    audit_summary,
    changes_markdown,
    changes_summary,
    changes_table,
    csv_text,
    explain,
    layer_label,
    safe_cell,
    summary,
    write_audit,
    write_changes,
    write_report,
)
from reconcile.rules import ExpressionError, find_rulebook
from reconcile.run import (
    REPORT_FILE,
    Backend,
    Execution,
    Plan,
    Run,
    RunFolder,
    ToolPreview,
    ask,
    begin,
    check_is_free,
    cluster_at,
    configured_models,
    configured_tools,
    find_run,
    make_plan,
    measure,
    new_run_id,
    number_of_jobs,
    preview,
    reopen,
    run_plan,
    this_machine,
)
from reconcile.tools import (
    ADAPTERS,
    ALL,
    METRICS,
    Column,
    adapter,
    column,
    column_names,
    columns,
    find_column,
    modules_by_environment,
)
from reconcile.trace import trace_spec
from reconcile.weekly import (
    audit_week,
    columns_to_learn,
    learn_version,
    make_weekly_plan,
    tell_week,
    unfinished,
)
from reconcile.zoo import Mode, ModelSpec, all_names, default_inputs, parse_inputs, resolve, timm_zoo

MODES = ("eval", "train")
REPORTS = Path("reports")
"""Where runs are kept if nothing else is said."""

WEEKLY = REPORTS / "weekly"
"""Where weekly runs are."""

GROUPINGS = ("model", "layer", "operator", "term")


@click.group(
    invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, message="%(version)s")
@click.pass_context
def app(context: click.Context) -> None:
    """Why FLOP counters disagree: run them side by side and account for every difference."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


_input = click.option(
    "--input",
    "inputs",
    metavar="SHAPE",
    multiple=True,
    help="An input, as 1x3x224x224, ids=1x128:int64 or a list, [3x800x800]; repeat it for several.",
)
_strict = click.option(
    "--strict", is_flag=True, help="Fail if an operator has no formula, or a module never ran in the count."
)
_seed_range = click.IntRange(0, 2**63 - 1)
_convention_help = "A convention's name, or the path of a YAML file with one."


@app.command()
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="A file such as configs/zoo.yaml.")
@click.option("--tools", metavar="A,B", help="The tools to run, as thop,fvcore; by default all.")
@click.option("--reference", metavar="CONVENTION", help=_convention_help)
@_input
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path), help="An empty or new folder; by default one in reports/."
)
@click.option(
    "--jobs", metavar="N", type=click.IntRange(1, 1024), help="How many cells run at a time; by default the processors."
)
@click.option("--cluster", metavar="ADDRESS", help="A Dask scheduler, as tcp://host:8786, whose workers run the cells.")
@click.option("--mode", type=click.Choice(MODES), help="The mode in which models are measured; by default eval.")
@click.option("--seed", metavar="N", type=_seed_range, help="For the values of inputs and parameters; by default 0.")
@click.option(
    "--execution",
    type=click.Choice(get_args(Execution)),
    help="Whether tools run without the arithmetic, the default, or as their documentation says.",
)
@click.option("--fresh", is_flag=True, help="Measure everything again, whatever earlier runs beside this one found.")
@click.option("--dry-run", is_flag=True, help="Show what would run, and what is known already; write nothing.")
@click.option("--resume", metavar="RUN", help="Go on with a run, named by its folder or its id in reports/.")
@_strict
def run(
    models: tuple[str, ...],
    config: Path | None,
    tools: str | None,
    reference: str | None,
    inputs: tuple[str, ...],
    out: Path | None,
    jobs: int | None,
    cluster: str | None,
    mode: Mode | None,
    seed: int | None,
    execution: Execution | None,
    fresh: bool,
    dry_run: bool,
    resume: str | None,
    strict: bool,
) -> None:
    """Run tools over models, reconcile each with the reference, and write a report.

    A MODEL is a name (resnet50, timm/resnet50), a pattern (resnet*, timm/resnet*) or package.module:callable.
    Without any, all models of torchvision under all tools. What has finished is kept: a run that was stopped goes on
    with --resume, and what an earlier run beside this one found is not measured again.
    """
    if resume is not None:
        _refuse_beside_resume(
            MODEL=models, config=config, tools=tools, reference=reference, input=inputs, out=out, mode=mode, seed=seed,
            execution=execution,
        )  # fmt: skip  # one entry a line would fill the page
        place = find_run(resume, REPORTS)
        folder, plan = reopen(place)
        plan = plan if jobs is None else replace(plan, jobs=jobs)
    else:
        folder = None
        plan = make_plan(
            names=models,
            config_file=config,
            tools=None if tools is None else [part.strip() for part in tools.split(",")],
            reference=reference,
            inputs=inputs,
            jobs=jobs,
            mode=mode,
            seed=seed,
            execution=execution,
            strict=strict,
        )
        run_id = new_run_id()
        place = out or REPORTS / run_id
        check_is_free(place)
    if dry_run:
        _show_preview(preview(plan, place, reuse=not fresh), plan)
        return
    with this_machine(plan) if cluster is None else cluster_at(cluster) as backend:
        folder = folder or begin(place, plan, run_id)
        with folder.locked(), _stopped_by_signals(place):
            damaged: list[str] = []
            result = _run(plan, folder, backend, damaged, reuse=not fresh)
            if damaged or result.manifest["measurements_since_resumed"] or not folder.is_finished:
                write_report(result, place)
    _output().print(summary(result))
    _output().print(Text(f"Report: {place / REPORT_FILE}"), soft_wrap=True)
    if _name_failures(result, strict=strict or plan.strict, tools_may_fail=plan.tools_may_fail):
        raise click.exceptions.Exit(1)


def _refuse_beside_resume(**options: object) -> None:
    given = next((name for name, value in options.items() if value not in (None, ())), None)
    if given is not None:
        named = given if given.isupper() else f"--{given}"
        raise ReconcileError(f"{named} cannot be given with --resume: the run says what it is to do.")


@contextmanager
def _stopped_by_signals(folder: Path) -> Iterator[None]:
    """Let a signal that asks the program to end do so in order, and say how to go on."""

    def stop(number: int, _: FrameType | None) -> None:
        raise _Stopped(f"stopped by {signal.Signals(number).name}; go on with --resume {folder}.", 128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show_preview(tools: Sequence[ToolPreview], plan: Plan) -> None:
    table = Table("tool", "known", "to run", "never ran", "expected time", "expected memory")
    for cells in table.columns[1:]:
        cells.justify = "right"
    for item in tools:
        seconds = "unknown" if item.seconds is None else f"{item.seconds:,.1f} s"
        memory = "unknown" if item.peak_rss_mb is None else f"{item.peak_rss_mb:,.0f} MB"
        table.add_row(Text(item.tool), f"{item.known:,}", f"{item.to_run:,}", f"{item.new:,}", seconds, memory)
    _output().print(table)
    to_run = sum(item.to_run for item in tools)
    known = [item.seconds for item in tools if item.seconds is not None]
    expected = f", about {sum(known) / plan.jobs:,.0f} s on {plan.jobs} workers" if known else ""
    _output().print(
        f"{len(plan.models):,} models x {len(tools)} tools = {len(plan.models) * len(tools):,} cells, "
        f"{to_run:,} to run{expected}. Nothing was written.",
        soft_wrap=True,
    )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on the terminal; the function that is yielded moves it on, and says what was done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = _errors()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=total)
        yield lambda what: progress.update(task, advance=1, description=escape(what))


def _write_text(file: Path, text: str) -> None:
    """Write a file whole, or not at all."""
    temporary = file.with_name(f".{file.name}.part")
    try:
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise ReconcileError(f"{file} cannot be written: {error.strerror or error}.") from error


def _run(plan: Plan, folder: RunFolder, backend: Backend, damaged: list[str], *, reuse: bool) -> Run:
    def report(sentence: str) -> None:
        damaged.append(sentence)
        _say(sentence)

    with _progress(number_of_jobs(plan)) as advance:
        return run_plan(plan, folder, backend, progress=advance, report=report, reuse=reuse)


@app.command()
@click.argument("model")
@click.option("--convention", metavar="NAME", default=DEFAULT_CONVENTION, show_default=True, help=_convention_help)
@click.option(
    "--by", type=click.Choice(GROUPINGS), default="model", show_default=True, help="A number for each of these."
)
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True
)
@_input
@click.option("--mode", type=click.Choice(MODES), default="eval", show_default=True)
@click.option(
    "--seed",
    metavar="N",
    type=_seed_range,
    default=0,
    show_default=True,
    help="For the values of inputs and parameters, where control flow reads them.",
)
@_strict
def count(
    model: str,
    convention: str,
    by: Grouping,
    output_format: str,
    inputs: tuple[str, ...],
    mode: Mode,
    seed: int,
    strict: bool,
) -> None:
    """Count a model with the native counter.

    MODEL is a name (resnet50, timm/resnet50), with arguments if need be ("resnet50(num_classes=10)"), or
    package.module:callable.
    """
    chosen = load_convention(convention)
    spec = _spec(model, inputs, mode)
    with redirect_stdout(sys.stderr):  # what the model prints is not the answer
        trace, described = trace_spec(spec, seed, detail=COUNTING)
    counted = ModelCount(spec.name, described, count_trace(trace, chosen), seed)
    if strict and (left_out := what_is_left_out(counted.uncovered, trace.uncalled)):
        raise _Failure(f"{spec.name}: {left_out}.")
    match output_format:
        case "json":
            print(json.dumps(_count_as_object(counted, by), indent=2))
        case "csv":
            _print_csv(counted, by)
        case _:
            _print_count(counted, by)


@app.command("explain")
@click.argument("model")
@click.option("--tool", metavar="TOOL", required=True, help="The tool whose number is explained.")
@click.option("--reference", metavar="CONVENTION", default=DEFAULT_CONVENTION, show_default=True, help=_convention_help)
@click.option("--metric", type=click.Choice(METRICS), default="compute", show_default=True)
@_input
@click.option("--mode", type=click.Choice(MODES), default="eval", show_default=True)
def explain_command(model: str, tool: str, reference: str, metric: str, inputs: tuple[str, ...], mode: Mode) -> None:
    """Show why a tool's number differs from the reference: a waterfall of causes, and the layers."""
    name = _one_column(tool).name
    spec = _spec(model, inputs, mode)
    convention = load_convention(reference)
    with redirect_stdout(sys.stderr):  # what the model prints is not the answer
        trace, described = trace_spec(spec)
    counted = count_trace(trace, convention)
    measured = measure(spec, name, trace)
    if measured.status != "ok":
        raise _Failure(measured.error)
    if metric not in measured.measurements:
        raise _Failure(f"{name} does not report {metric}: choose from {', '.join(measured.measurements)}.")
    try:
        reconciliations = reconcile_measurements(name, measured.measurements, counted)
    except ExpressionError as error:
        raise _Failure(f"the rulebook of {name} does not fit {model}: {error}.") from error
    _output().print(explain(model, described, name, reconciliations[metric]))


@app.command("audit")
@click.argument("claims", metavar="[CLAIMS | MODEL VALUE]", nargs=-1)
@click.option("--unit", metavar="UNIT", help="Of one number: FLOPs, GFLOPs, MACs, MAdds (M), ...")
@click.option("--input", "stated", metavar="SIZE", help="Of one number, as stated: 224, 16x224x224, ...")
@click.option("--parameters", metavar="NUMBER", help="Of one number: the parameters that are printed beside it.")
@click.option("--paper", metavar="NAME", help="Of one number: where it is printed.")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="An empty or new folder for the report.")
@click.option("--own-models", is_flag=True, help="Run the code of models package.module:callable that a file names.")
@click.option(
    "--fail-on", metavar="A,B", default="", help="Verdicts that fail the audit (exit status 1), as slip,unexplained."
)
def audit_command(
    claims: tuple[str, ...],
    unit: str | None,
    stated: str | None,
    parameters: str | None,
    paper: str | None,
    out: Path | None,
    own_models: bool,
    fail_on: str,
) -> None:
    """Find out what published numbers count, and whether they are right.

    CLAIMS is a file with at least the columns model, value and unit, or a part of the registry of published numbers
    (papers, repositories, torchvision); without any, the whole registry. A MODEL and a VALUE are one number:
    reconcile audit resnet50 3.8e9 --unit FLOPs --input 224.
    """
    failing = _verdicts(fail_on)
    own = {"unit": unit, "input": stated, "parameters": parameters, "source": paper}
    rows = _claims(claims, {name: text for name, text in own.items() if text is not None})
    if out is not None:
        check_is_free(out)
    with _progress(sum(isinstance(row, Claim) for row in rows)) as advance:
        found = audit(rows, progress=advance, own_models=own_models or len(claims) == _ONE_NUMBER)
    if out is not None:
        write_audit(found, out)
    _output().print(audit_summary(found))
    if out is not None:
        _output().print(Text(f"Report: {out / REPORT_FILE}"), soft_wrap=True)
    for bad in found.bad_rows:
        _say(bad.reason)
    failed = [verdict for verdict in failing if found.verdicts.get(verdict)]
    if failed or (len(claims) == _ONE_NUMBER and found.bad_rows):
        raise click.exceptions.Exit(1)


_ONE_NUMBER = 2
"""Arguments: a model and a value."""


def _claims(given: tuple[str, ...], columns: dict[str, str]) -> Sequence[Claim | BadRow]:
    if len(given) > _ONE_NUMBER:
        raise ReconcileError("an audit takes a file, or a MODEL and a VALUE.")
    if len(given) == _ONE_NUMBER:
        model, value = given
        resolve(model)
        row = claim_of({"model": model, "value": value, **columns}, "the number")
        if isinstance(row, BadRow):
            raise ReconcileError(row.reason)
        return [row]
    if columns:
        raise ReconcileError(f"--{next(iter(columns))} is for one number: give a MODEL and a VALUE.")
    return claims_by_name(given[0] if given else None)


def _verdicts(names: str) -> tuple[str, ...]:
    chosen = tuple(name.strip() for name in names.split(",") if name.strip())
    for name in chosen:
        if name not in VERDICTS:
            raise ReconcileError(f"there is no verdict '{name}'{did_you_mean(name, VERDICTS)}")
    return chosen


@app.command("weekly")
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="A file such as configs/weekly.yaml.")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=WEEKLY,
    show_default=True,
    help="The folder of weekly runs and their history.",
)
@click.option("--jobs", metavar="N", type=click.IntRange(1, 1024), help="How many cells run at a time.")
@click.option("--resume", metavar="RUN", help="Go on with a weekly run that was stopped; give its --config again.")
def weekly_command(config: Path | None, out: Path, jobs: int | None, resume: str | None) -> None:
    """Run, audit, and report what changed since the last weekly run, and why.

    The run and its report come into a folder of their own in DIR, what is compared of it into DIR/history, and all
    runs onto the page DIR/index.html. It fails if the run does, or if something has changed that somebody has to look
    at; docs/weekly.md says what that is.
    """
    planned = make_weekly_plan(config, jobs)
    if resume is None:
        run_id = new_run_id()
        place = out / run_id
        check_is_free(place)
        plan = _with_new_versions_learned(planned.run, out)
    else:
        folder, plan = reopen(find_run(resume, out))
        place = folder.path
        if place.resolve().parent != out.resolve():
            raise ReconcileError(f"{place} is no weekly run of {out}: give --out {place.parent}.")
    for left in unfinished(out, place):
        _say(f"{left} was not finished: reconcile weekly --resume {left.name} goes on with it.")
    with this_machine(plan) as backend:
        if resume is None:
            folder = begin(place, plan, run_id)
        with folder.locked(), _stopped_by_signals(place):
            result = _run(plan, folder, backend, [], reuse=False)
            write_report(result, place)
            if planned.claims:
                with _progress(sum(isinstance(row, Claim) for row in planned.claims)) as advance:
                    audit_week(place, planned.claims, advance)
            found = tell_week(place, out, _say)
    if found is None:
        _output().print(f"The first run: there is nothing to compare {result.run_id} with.", soft_wrap=True)
    else:
        _output().print(changes_summary(found), soft_wrap=found.is_empty)
    _output().print(Text(f"Report: {place / REPORT_FILE}; all runs: {out / REPORT_FILE}"), soft_wrap=True)
    has_failed = _name_failures(result, strict=plan.strict, tools_may_fail=plan.tools_may_fail)
    if has_failed or (found is not None and found.alarms):
        raise click.exceptions.Exit(1)


def _with_new_versions_learned(plan: Plan, out: Path) -> Plan:
    """The plan, with rulebooks of versions for which there are none; what cannot be learned is said."""
    learned, missing = columns_to_learn(plan, out)
    for chosen in missing:
        _say(f"there are no rules for {chosen.name} {chosen.version}: they are learned, which takes minutes.")
        try:
            with _progress(NUMBER_OF_JOBS) as advance:
                learned[chosen.name] = learn_version(chosen, plan.jobs, advance)
        except ReconcileError as error:
            _say(str(error))
    return replace(plan, rulebooks=learned)


@app.command("diff")
@click.argument("before", metavar="RUN")
@click.argument("after", metavar="RUN")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="An empty or new folder for the report.")
@click.option(
    "--format", "output_format", type=click.Choice(["table", "markdown", "csv"]), default="table", show_default=True
)
def diff_command(before: str, after: str, out: Path | None, output_format: str) -> None:
    """Show what changed from one run to another, and why.

    A RUN is the folder of a finished run, or its name in reports/ or in the history of weekly runs.
    """
    if out is not None:
        check_is_free(out)
    places = (REPORTS, WEEKLY, WEEKLY / HISTORY)
    found = compare_runs(*(read_record(find_run(name, *places)) for name in (before, after)))
    if out is not None:
        write_changes(found, out)
    match output_format:
        case "markdown":
            print(changes_markdown(found), end="")
        case "csv":
            print(csv_text(changes_table(found)), end="")
        case _:
            _output().print(changes_summary(found), soft_wrap=found.is_empty)
    if out is not None:
        _say(f"report: {out / REPORT_FILE}")


@app.command("learn")
@click.argument("tool")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Where to write it; by default shown.")
@click.option("--jobs", metavar="N", type=click.IntRange(1, 1024), help="How many probes run at a time.")
def learn_command(tool: str, out: Path | None, jobs: int | None) -> None:
    """Learn a tool's rulebook: run it on small models, and solve what it returns for a formula of each layer.

    What it says otherwise than a rulebook that is known, of this version or of the column's, is said in words.
    """
    chosen = _one_column(tool)
    if out is not None and not out.absolute().parent.is_dir():
        raise ReconcileError(f"there is no folder {out.absolute().parent} to write {out.name} into.")
    workers: Workers[Any] = Workers(jobs or os.cpu_count() or 1, PRELOAD, tools=modules_by_environment([chosen]))
    try:
        with _progress(NUMBER_OF_JOBS) as advance:
            lesson = learn(chosen.name, workers, advance)
    finally:
        workers.close()
    text = rulebook_text(lesson.rulebook)
    if out is None:
        print(text, end="")
    else:
        _write_text(out, text)
    known = {book.versions[0]: book for book in map(find_rulebook, (chosen.name, chosen.adapter.name)) if book}
    for sentence in lesson_sentences(lesson, known.values()):
        _say(sentence)


@app.command("environment")
@click.argument("tools", metavar="[TOOL]...", nargs=-1)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="A file such as configs/zoo.yaml.")
def environment_command(tools: tuple[str, ...], config: Path | None) -> None:
    """Give tools that are not installed environments of their own, laid over the packages that are.

    A TOOL is a column or a distribution, with a version if need be: thop==0.0.31.post2005241907. Without any, those
    that a configuration asks for, by default that of the main job.
    """
    if tools and config is not None:
        raise ReconcileError("TOOL cannot be given with --config, which says for which tools.")
    names = [name for given in tools for name in column_names(given)] if tools else configured_tools(config)
    for name in names:
        found = find_column(name) or _with_environment(name)
        print(f"{name}\t{found.version}\t{found.environment.folder if found.environment else 'installed here'}")


def _with_environment(name: str) -> Column:
    """Make an environment, of the version that the name states, or else of that for which there are rules."""
    known = find_rulebook(name)
    version = name.partition("==")[2] or (known.versions[-1] if known else "")
    make_environment(adapter(name).distribution, version)
    return column(name)


@app.command("outdated")
@click.argument("tools", metavar="[TOOL]...", nargs=-1)
@click.option(
    "--learn", "learns", is_flag=True, help="Learn each newer version, and show what it would change: minutes a column."
)
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="With --learn, a file whose models are compared; by default configs/smoke.yaml.",
)
@click.option("--jobs", metavar="N", type=click.IntRange(1, 1024), help="With --learn, how many probes run at a time.")
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True
)
def outdated_command(
    tools: tuple[str, ...], learns: bool, config: Path | None, jobs: int | None, output_format: str
) -> None:
    """Show which tools have a newer version in the package index, and with --learn, what it would change.

    A TOOL is a column or a distribution, with a version if need be. Without any, all that are installed or in an
    environment of their own. What a newer version would change is learned in an environment that holds it.
    """
    if not learns and (config is not None or jobs is not None):
        raise ReconcileError(f"--{'jobs' if config is None else 'config'} is for --learn, which is not given.")
    if learns and output_format == "csv":
        raise ReconcileError("what is learned makes no rows: give --learn with --format table or json.")
    models, seed = configured_models(config) if learns else ((), 0)
    rows = compare_with_index(columns(tools or [ALL]))
    problems = list(unreachable_sentences(rows))
    for sentence in problems:
        _say(sentence)
    if output_format != "json":
        _print_standings(rows, as_csv=output_format == "csv")
    studies, numbers = _studies(rows, models, seed, jobs or os.cpu_count() or 1) if learns else ((), Numbers())
    if output_format == "json":
        objects = [standing_object(row) for row in rows]
        learned = [study_object(*item) for item in zip(studies, numbers.of_studies, strict=True)]
        print(json.dumps({"tools": objects, "learned": learned} if learns else {"tools": objects}, indent=2))
    elif studies:
        _print_studies(studies, numbers)
    elif learns and not problems:
        _output().print("Nothing is outdated.")
    found = [*(study.problem for study in studies if study.problem), *numbers.problems]
    for sentence in found:
        _say(sentence)
    if problems or found:
        raise click.exceptions.Exit(1)


def _studies(
    rows: Sequence[Standing], models: Sequence[ModelSpec], seed: int, jobs: int
) -> tuple[Sequence[Study], Numbers]:
    newer = sum(len(row.columns) for row in rows if row.state == NEWER)
    with _progress(NUMBER_OF_JOBS * newer + len(models)) as advance, redirect_stdout(sys.stderr):
        studies = tuple(learn_newer(rows, jobs, advance))
        return studies, compare_models(studies, models, seed, advance)


def _print_standings(rows: Sequence[Standing], *, as_csv: bool) -> None:
    separator = ", " if as_csv else "\n"
    objects = [{**standing_object(row), "columns": separator.join(item.name for item in row.columns)} for row in rows]
    if as_csv:
        print(pd.DataFrame(objects).map(safe_cell).to_csv(index=False, lineterminator="\n"), end="")
        return
    table = Table()
    for title in objects[0]:
        table.add_column(title, overflow="fold")
    for item in objects:
        table.add_row(*map(Text, item.values()))
    _output().print(table)


def _print_studies(studies: Sequence[Study], numbers: Numbers) -> None:
    for study, moved in zip(studies, numbers.of_studies, strict=True):
        _output().print(Text(f"\n{study.subject}, where {study.installed} is installed", style="bold"), soft_wrap=True)
        for sentence in study_sentences(study, moved):
            _output().print(Text(f"  {sentence}"), soft_wrap=True)


@app.command()
@click.argument("sql")
@click.option(
    "--runs",
    metavar="PLACE",
    default=str(REPORTS),
    show_default=True,
    help="The folder that holds runs, or one in an object store, as s3://bucket/reports.",
)
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True
)
def query(sql: str, runs: str, output_format: str) -> None:
    """Ask all runs at once, in SQL: see docs/history.md for the views and for examples."""
    frame = ask(runs, sql)
    match output_format:
        case "json":
            print(frame.to_json(orient="records", indent=2, date_format="iso"))
        case "csv":
            print(frame.map(safe_cell).to_csv(index=False, lineterminator="\n"), end="")
        case _:
            table = Table(*map(str, frame.columns))
            for row in frame.itertuples(index=False):
                table.add_row(*(Text("" if value is None else str(value)) for value in row))
            _output().print(table)


@app.command("list")
@click.argument("what", metavar="models|timm|tools|conventions|causes|claims|environments")
def list_command(what: str) -> None:
    """List what there is: a name in each line, then what it is. The models are torchvision's; timm has more."""
    if what not in _LISTS:
        raise ReconcileError(f"there is no list of '{what}'{did_you_mean(what, _LISTS)}")
    for row in _LISTS[what]():
        print("\t".join(row))
    if what == "models" and _output().is_terminal:  # a program that reads the list wants nothing beside it
        _say("timm's models are named timm/NAME; reconcile list timm shows them.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, the process's own arguments by default, and return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # names may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        status = app.main(arguments, prog_name="reconcile", standalone_mode=False)
    except ReconcileError as error:
        return _complain(str(error), 2)
    except _Failure as error:
        return _complain(str(error), 1)
    except click.ClickException as error:
        return _complain(error.format_message(), 2)
    except _Stopped as stopped:
        return _complain(*stopped.args)
    except (click.Abort, KeyboardInterrupt):
        return _complain("stopped.", 130)
    except BrokenPipeError:
        return 0
    return status if isinstance(status, int) else 0


class _Stopped(Exception):  # noqa: N818  # a request to end is no error
    """The program was asked to end. Holds what to say, and the exit status."""


class _Failure(Exception):  # noqa: N818  # not an error of use: the use was right, and something failed
    """Something failed that should not have. The message is one sentence."""


def _complain(sentence: str, status: int) -> int:
    _say(sentence)
    return status


def _say(sentence: str) -> None:
    printable = "".join(character if character.isprintable() else " " for character in sentence)
    _errors().print(Text(f"reconcile: {printable}"), soft_wrap=True, highlight=False)


def _one_column(tool: str) -> Column:
    found = columns([tool])
    if len(found) > 1:
        raise ReconcileError(f"'{tool}' has {len(found)} columns: choose {' or '.join(item.name for item in found)}.")
    return found[0]


def _spec(model: str, inputs: Sequence[str], mode: Mode) -> ModelSpec:
    return resolve(model, parse_inputs(inputs) if inputs else None, mode)


def _models(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        try:
            yield name, str(default_inputs(name))
        except ReconcileError:
            yield name, "needs --input"


def _tool(name: str) -> tuple[str, ...]:
    try:
        tool = adapter(name)
    except ReconcileError as error:
        return name, "cannot be used", "", str(error)
    found = find_column(name)
    return name, "not installed" if found is None else found.version, tool.unit, tool.summary


_LISTS: dict[str, Callable[[], Iterable[tuple[str, ...]]]] = {
    "models": lambda: _models(all_names()),
    "timm": lambda: _models(timm_zoo.all_names()),
    "tools": lambda: map(_tool, ADAPTERS),
    "conventions": lambda: (
        (item.name, item.unit, item.description) for item in map(load_convention, convention_names())
    ),
    "causes": lambda: ((cause.code, cause.meaning) for cause in CAUSES.values()),
    "claims": lambda: (
        (row.model, row.value.text, row.unit.text, row.source, row.where)
        for row in claims_by_name(None)
        if isinstance(row, Claim)
    ),
    "environments": lambda: ((item.name, str(item.folder), *item.contents) for item in environments()),
}


def _count_as_object(counted: ModelCount, by: Grouping) -> dict[str, Any]:
    found: dict[str, Any] = {
        "model": counted.model,
        "input": counted.input,
        "mode": counted.reference.trace.mode,
        "seed": counted.seed,
        "convention": counted.convention,
        "unit": counted.unit,
        "total": counted.total,
        "parameters": counted.parameters,
        "trainable_parameters": counted.trainable_parameters,
        "activations": counted.activations,
        "memory": counted.memory.totals,
        "uncovered": dict(counted.uncovered),
        "execution": counted.reference.trace.execution,
        "uncalled": list(counted.uncalled),
    }
    if by != "model":
        found[f"by_{by}"] = {layer_label(name): value for name, value in counted.grouped(by).items()}
    return found


def _print_csv(counted: ModelCount, by: Grouping) -> None:
    frame = counted.to_frame(by)
    frame[frame.columns[0]] = frame[frame.columns[0]].map(layer_label)
    if by == "model":
        facts = _count_as_object(counted, by)
        columns = ("model", "input", "mode", "convention", "unit", "total", "parameters", "activations")
        frame = frame.drop(columns=list(frame.columns)).assign(**{name: [facts[name]] for name in columns})
    print(frame.map(safe_cell).to_csv(index=False, lineterminator="\n"), end="")


def _print_count(counted: ModelCount, by: Grouping) -> None:
    console = _output()
    console.print(counted)
    if by != "model":
        table = Table(by, "count", "share")
        table.columns[1].justify = table.columns[2].justify = "right"
        for name, value in counted.grouped(by).items():
            share = f"{value / counted.total:.1%}" if counted.total else ""
            table.add_row(Text(layer_label(name)), f"{value:,}", share)
        console.print(table)


def _name_failures(result: Run, *, strict: bool, tools_may_fail: bool) -> bool:
    """Name on standard error what failed that should not have; return whether anything did."""
    forgiven = {cell.tool for cell in result.cells if cell.status == "ok"} if tools_may_fail else set()
    sentences = [
        item.error if item.model in item.error else f"{item.model}: {item.error}"
        for item in result.references
        if item.error
    ]
    sentences += [
        cell.error
        for cell in result.cells
        if cell.status in ("failed", "timeout", "crashed") and not (cell.tool_raised and cell.tool in forgiven)
    ]
    if strict:
        left_out = ((item.model, what_is_left_out(item.uncovered, item.uncalled)) for item in result.references)
        sentences += [f"{model}: {what}." for model, what in left_out if what]
    for sentence in dict.fromkeys(sentences):
        _complain(sentence, 1)
    return bool(sentences)


def _output() -> Console:
    return Console(highlight=False)


def _errors() -> Console:
    return Console(stderr=True, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
