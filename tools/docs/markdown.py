# SPDX-License-Identifier: Apache-2.0
"""Links and headings of Markdown text."""

import re
from collections.abc import Callable, Iterator

_CODE = re.compile(r"(^ *(?P<fence>`{3,}).*?^ *(?P=fence) *$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()[^()\s]+(?=\))")
_ABSOLUTE = re.compile(r"[a-z]+:")


def _prose(text: str) -> Iterator[tuple[str, bool]]:
    """Parts of a page in their order; true for those that are not code."""
    end = 0
    for match in _CODE.finditer(text):
        yield text[end : match.start()], True
        yield match[0], False
        end = match.end()
    yield text[end:], True


def links(text: str) -> list[str]:
    """Targets of inline links and images that stay in the repository, in their order."""
    prose = "``".join(part for part, is_prose in _prose(text) if is_prose)
    return [target for target in _LINK.findall(prose) if not _ABSOLUTE.match(target)]


def with_links(text: str, rewrite: Callable[[str], str]) -> str:
    """The text with every link inside the repository replaced by `rewrite(target)`."""

    def replaced(match: re.Match[str]) -> str:
        return match[0] if _ABSOLUTE.match(match[0]) else rewrite(match[0])

    return "".join(_LINK.sub(replaced, part) if is_prose else part for part, is_prose in _prose(text))


def headings(text: str) -> list[str]:
    """Texts of the headings, without the marks of links."""
    prose = "".join(part if is_prose or not part.startswith("```") else "" for part, is_prose in _prose(text))
    return [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line) for line in re.findall(r"^#+ +(.+?) *$", prose, re.MULTILINE)]


def anchors(text: str) -> set[str]:
    """Fragments that lead to the headings, as GitHub and the site make them."""
    found: dict[str, int] = {}
    result = set()
    for heading in headings(text):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        earlier = found.get(slug, 0)
        result.add(f"{slug}-{earlier}" if earlier else slug)
        found[slug] = earlier + 1
    return result


def title(text: str) -> str:
    """The first heading of a page."""
    return headings(text)[0].replace("`", "")
