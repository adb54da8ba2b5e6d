# SPDX-License-Identifier: Apache-2.0
"""Subjects of commits have one form."""

import subprocess
from pathlib import Path

import pytest

from tools.commit_subjects import main, problems

ROOT = Path(__file__).resolve().parents[3]

#: Commits before had no rule. A date, and no commit, so that a shallow clone knows it as well.
RULE_SINCE = "2026-11-28T16:00:00+00:00"


def test_the_commits_since_the_rule_follow_it() -> None:
    command = ["git", "log", "--no-merges", f"--since={RULE_SINCE}", "--format=%h %s"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    subjects = [line.partition(" ")[::2] for line in done.stdout.splitlines()]
    assert {f"{commit} {subject}": found for commit, subject in subjects if (found := problems(subject))} == {}


@pytest.mark.parametrize(
    "subject",
    [
        "retrainpolicy: do not close a decision on a cache miss",
        "tests/e2e: share one node",
        'Revert "docs: explain aliases"',
    ],
)
def test_a_subject_of_the_form_is_accepted(subject: str) -> None:
    assert problems(subject) == []


@pytest.mark.parametrize(
    ("subject", "problem"),
    [
        ("Fix the cache", "scope: imperative summary"),
        ("Docs: explain aliases", "lower case"),
        ("docs: explain aliases.", "no full stop"),
        ("docs: added a page", "expected the imperative, found 'added'"),
        ("docs: " + "x" * 67, "at most 72 characters, found 73"),
        ("docs:", "scope: imperative summary"),
    ],
)
def test_another_subject_is_refused_with_the_reason(subject: str, problem: str) -> None:
    assert any(problem in found for found in problems(subject))


def test_the_hook_reads_the_first_line_of_the_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = tmp_path / "message"
    message.write_text("docs: explain aliases\n\nBecause nobody knew.\n")
    assert main([str(message)]) == 0
    message.write_text("Explain aliases\n")
    assert main([str(message)]) == 1
    assert "Explain aliases" in capsys.readouterr().err
