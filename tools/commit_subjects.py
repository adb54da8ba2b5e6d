# SPDX-License-Identifier: Apache-2.0
"""Check the subject of a commit: `scope: imperative summary`, at most 72 characters.

As a commit-msg hook it is given the file with the message: `python tools/commit_subjects.py FILE`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

LONGEST = 72

#: Git writes these itself.
_GENERATED = re.compile(r"^(Merge |Revert \"|(fixup|squash|amend)! )")
_FORM = re.compile(r"^[a-z0-9][a-z0-9_./-]*: (?P<summary>\S.*)$")
#: Forms of a verb that are not the imperative, and beginnings of a summary without a verb.
_NOT_IMPERATIVE = re.compile(
    r"^(added|adds|adding|fixed|fixes|fixing|removed|removes|removing|changed|changes|changing)\b"
)


def problems(subject: str) -> list[str]:
    """What is wrong with a subject; empty if nothing is."""
    if _GENERATED.match(subject):
        return []
    found = []
    if len(subject) > LONGEST:
        found.append(f"expected at most {LONGEST} characters, found {len(subject)}")
    if subject.endswith("."):
        found.append("expected no full stop at the end")
    form = _FORM.match(subject)
    if form is None:
        return [*found, "expected `scope: imperative summary`, the scope in lower case"]
    if verb := _NOT_IMPERATIVE.match(form["summary"].lower()):
        found.append(f"expected the imperative, found {verb[0]!r}")
    return found


def main(arguments: list[str]) -> int:
    """Check the first line of the message in a file; 1 if it has a problem."""
    if len(arguments) != 1:
        print("usage: python tools/commit_subjects.py FILE", file=sys.stderr)
        return 2
    subject = Path(arguments[0]).read_text(encoding="utf-8").partition("\n")[0].strip()
    found = problems(subject)
    for problem in found:
        print(f"subject {subject!r}: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
