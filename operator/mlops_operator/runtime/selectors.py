"""Label selectors of the simple kind that controllers watch by: `key`, `key=value`, joined by commas."""

from collections.abc import Callable, Mapping


def parse_selector(selector: str) -> Callable[[Mapping[str, str]], bool]:
    """A predicate on labels that says what the API server would.

    Raises:
        ValueError: the selector uses more than `key` and `key=value`.
    """
    required: list[tuple[str, str | None]] = []
    for term in selector.split(","):
        key, equals, value = term.strip().partition("=")
        if not key or any(symbol in key + value for symbol in "!()= "):
            raise ValueError(f"label selector {selector!r}: expected `key` or `key=value`, found {term.strip()!r}")
        required.append((key, value if equals else None))

    def matches(labels: Mapping[str, str]) -> bool:
        return all(key in labels and value in (None, labels[key]) for key, value in required)

    return matches
