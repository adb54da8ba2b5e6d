# SPDX-License-Identifier: Apache-2.0
"""The denied words. Terms of the project are defined in `docs/glossary.md`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Rule:
    """Words that are not used, and what is written instead."""

    pattern: re.Pattern[str]
    replacement: str


def _rule(pattern: str, replacement: str) -> Rule:
    return Rule(re.compile(rf"\b(?:{pattern})\b"), replacement)


RULES: Final = (
    _rule("[Nn]ews", "event, update"),
    _rule(r"[Tt]ells?(?!\()|[Tt]old|[Tt]elling", "report, distinguish, message"),
    _rule("[Ss]ays?|[Ss]aid|[Ss]aying", "state, report, specify"),
    _rule("[Ll]ook(?:s|ed) (?:at|again|after|upon)|[Ll]ook again", "reconcile, read, check"),
    _rule(
        "(?:[Aa]|[Oo]ne|[Ee]ach|[Ee]very|next|last|first|[Tt]his|that|same|further|another) looks?", "reconciliation"
    ),
    _rule("[Ww]akes?|[Ww]oken|[Ww]oke|[Ww]aking", "enqueue"),
    _rule("[Aa]ppointments?", "scheduled requeue"),
    _rule("[Ss]trays?", "leaked task"),
    _rule("(?:the |on |its |their )?grounds(?: of| on| for| that)", "depends_on, reason"),
    _rule("[Aa]bsences", "confirm_absent"),
    _rule("[Ss]ettle[sd]?|[Ss]ettling", "final, converged"),
    _rule("[Ss]ilence of|of silence|[Aa] silence|in silence", "inactivity timeout"),
    _rule("(?:in|by|takes?|of|its|their) turns?", "concurrency limit, in rotation"),
    _rule("shell of kopf|kopf shell|kopf's shell", "adapter"),
    _rule("[Bb]lueprints?", "revision spec"),
    _rule("[Mm]end(?:s|ed|ing)?", "fix, recover"),
    _rule("[Pp]ersons?|[Pp]eople(?:'s)?", "user"),
    _rule(
        "(?:[Ss]omebody|[Nn]obody|[Aa]nybody|[Ee]verybody|[Ss]omeone|[Ww]hoever|[Ww]hom)(?:'s)?",
        "user, controller, owner",
    ),
    _rule("for good", "permanently"),
    _rule("(?:in|out of|into) sight", "in the cache"),
    _rule("gone", "deleted, no longer exists"),
    _rule(
        "(?:is|are|be|was|were|keeps?|kept) going(?! to)|going on|on (?:its|their|the) way out", "terminating, continue"
    ),
    _rule("[Oo]urs", "owned, of the operator"),
    _rule("[Ss]o many", "a number of, n"),
    _rule("what is usual|the usual|is usual", "baseline"),
    _rule("[Oo]utings?|[Hh]appenings?", "profile, transition"),
    _rule("(?:a|all|each|every|whole|long|one|the|of) walks?", "exploration"),
    _rule("[Ww]hat became of|[Oo]ne word|[Bb]eyond hope|[Aa]new|nothing is asked", "a plain sentence"),
)


@dataclass(frozen=True)
class Hit:
    """A denied word in a text.

    Attributes:
        line: line in the file, from 1.
        word: as it was found.
        replacement: what is written instead.
    """

    line: int
    word: str
    replacement: str


def hits(line: int, text: str) -> Iterator[Hit]:
    """The denied words of `text`, which begins at `line` of its file."""
    for rule in RULES:
        for match in rule.pattern.finditer(text):
            yield Hit(line + text.count("\n", 0, match.start()), match.group(), rule.replacement)
