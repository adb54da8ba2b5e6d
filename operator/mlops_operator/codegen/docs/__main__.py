# SPDX-License-Identifier: Apache-2.0
"""Writes `docs/reference`, or checks it with `--check`."""

import sys
from typing import Final

from mlops_operator.api.registry import KINDS
from mlops_operator.codegen.docs.health import health_page
from mlops_operator.codegen.docs.markdown import cell, code, section, table
from mlops_operator.codegen.docs.metrics import metrics_page
from mlops_operator.codegen.docs.page import CONTRACT, kind_page
from mlops_operator.codegen.docs.reasons import reasons_page
from mlops_operator.codegen.generated import Generator, run

COMMAND: Final = "python -m mlops_operator.codegen.docs"
FOLDER: Final = "docs/reference"
HEADER: Final = f"<!-- Generated from the code by `{COMMAND}`. Do not edit. -->\n\n"


def index_page() -> str:
    """The entry page: the kinds, and what all have in common."""
    kinds = [
        (f"[{kind.kind}]({kind.singular}.md)", ", ".join(map(code, kind.short_names)), cell(kind.description))
        for kind in KINDS
    ]
    conditions = [(code(name), cell(words)) for name, words in CONTRACT.items()]
    return "\n".join(
        (
            section("Reference", table(("kind", "short", "what it declares"), kinds), level=1),
            section(
                "What all kinds have in common",
                "`status.observedGeneration` is the generation of the spec that a status describes. Before the first "
                "status is written it is -1, so that `kubectl wait`, Helm, Flux and Argo CD see a new object as in "
                "progress. `status.phase` is a summary for users; programs read the conditions:",
                table(("condition", "meaning of `True`"), conditions),
                "Each condition has a `reason` from the list on the kind's page and a `message` in words; its "
                "`lastTransitionTime` moves only when its `status` does.",
                "`InternalError` is a reason of every kind: it is set when reconciliations of the object keep failing "
                "with an unexpected error, which is a defect of the operator. The next one that succeeds removes it.",
            ),
            section(
                "Formats",
                "- [What a run gets and what it leaves behind](formats/results.md)\n"
                "- [The prediction log](formats/prediction-log.md)\n"
                "- [Rows for a gate](formats/evaluation-data.md)",
            ),
            section("Reasons", "[All reasons](reasons.md) of all kinds, in the order of the alphabet."),
            section("Health", "[What Flux, Helm and Argo CD see](health.md) in each state of each kind, and why."),
            section(
                "Metrics", "[All metrics](metrics.md), and [what to do when an alert fires](../operations/runbooks.md)."
            ),
        )
    )


def generator() -> Generator:
    """A page a kind, the metrics, and an index."""
    pages = {f"{kind.singular}.md": kind_page(kind, KINDS) for kind in KINDS}
    pages |= {"metrics.md": metrics_page(), "health.md": health_page(), "reasons.md": reasons_page(KINDS)}
    pages["README.md"] = index_page()
    return Generator(
        command=COMMAND,
        files={f"{FOLDER}/{name}": HEADER + page for name, page in pages.items()},
        owned=(f"{FOLDER}/*.md",),
    )


if __name__ == "__main__":
    sys.exit(run(generator(), "Generate the reference from the kinds' models and the metrics."))
