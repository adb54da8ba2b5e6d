# SPDX-License-Identifier: Apache-2.0
"""The deny-list of `tools/language` on the folders that are clean, and its rules on sentences."""

from pathlib import Path

import pytest

from tools.language.denied import RULES, hits
from tools.language.scan import scan
from tools.language.texts import has_prose, texts

CLEAN = (
    "CONTRIBUTING.md",
    "README.md",
    "docs/getting-started/local-cluster.md",
    "docs/getting-started/tutorial.md",
    "docs/glossary.md",
    "docs/how-to/common-mistakes.md",
    "docs/how-to/gitops.md",
    "docs/how-to/kind.md",
    "docs/how-to/network-policies.md",
    "docs/how-to/pods.md",
    "docs/operations/backup.md",
    "docs/operations/images.md",
    "docs/operations/logs.md",
    "docs/operations/retention.md",
    "docs/operations/runbooks.md",
    "Makefile",
    "bench",
    "demo",
    "examples",
    "helm",
    "images",
    "localcluster",
    "operator/mlops_contract",
    "operator/mlops_operator/__main__.py",
    "operator/mlops_operator/api",
    "operator/mlops_operator/codegen",
    "operator/mlops_operator/kube",
    "operator/mlops_workload",
)
"""Folders and files without denied words. The list only grows; the aim is every folder."""


@pytest.mark.parametrize("folder", CLEAN)
def test_a_clean_folder_has_no_denied_words(folder: str) -> None:
    found = [f"{path}:{hit.line}: {hit.word!r}, write: {hit.replacement}" for path, hit in scan(folder)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "sentence",
    [
        "the message says it",
        "a person has to change something",
        "the pod is gone",
        "kept for good",
        "nobody knows whether the pod runs",
        "what became of it",
        "it looks at the object",
        "so many keys",
    ],
)
def test_a_denied_word_is_found_with_its_line_and_replacement(sentence: str) -> None:
    (hit,) = hits(7, f"\n{sentence}")
    assert hit.line == 8
    assert hit.word in sentence
    assert hit.replacement


@pytest.mark.parametrize(
    "sentence",
    [
        "the API server answers 410 Gone",
        "the cache looks up the key",
        "the field is going to be removed",
        "an absolute essay in several fields",
        "the amended spec is committed",
        "the personal token",
        "walks the tree of nodes",
        "as usual",
    ],
)
def test_plain_sentences_have_no_hits(sentence: str) -> None:
    assert list(hits(1, sentence)) == []


def test_every_rule_has_a_replacement() -> None:
    assert all(rule.replacement for rule in RULES)


def test_only_comments_and_prose_of_python_are_scanned(tmp_path: Path) -> None:
    assert has_prose("docs/tutorial.md")
    assert not has_prose("docs/reference/model.md")
    assert not has_prose("crds/models.yaml")
    file = tmp_path / "module.py"
    file.write_text('"""It says."""\ngone = "gone"  # told\n')
    assert [text for _, text in texts(file)] == ['"""It says."""', "# told"]
