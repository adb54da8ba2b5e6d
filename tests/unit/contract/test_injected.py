# SPDX-License-Identifier: Apache-2.0
"""What is put into images of users beside their program: the SDK, the command that predicts, and the contract.

It runs from Python 3.9 on, and imports nothing but the standard library and what a model needs by itself.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

OPERATOR: Final = Path(__file__).resolve().parents[3] / "operator"

ENTRANCES: Final = ("mlops_workload", "mlops_workload.sdk", "mlops_workload.predict", "mlops_contract")

FLOOR: Final = (3, 9)

AT_ONCE: Final = {"numpy"}
"""Libraries that may be imported with a module: what a model is asked with."""

WHEN_USED: Final = {
    "mlops_workload.formats": {"joblib", "sklearn"},
    "mlops_workload.store": {"fsspec"},
}
"""Libraries that a function may import, where the format or the store is used."""

NEWER: Final = {
    "datetime": {"UTC"},
    "enum": {"StrEnum"},
    "hashlib": {"file_digest"},
    "itertools": {"pairwise", "batched"},
    "contextlib": {"chdir", "aclosing"},
    "inspect": {"get_annotations"},
    "types": {"NoneType", "UnionType", "EllipsisType"},
    "typing": {
        *("Self", "TypeAlias", "ParamSpec", "Concatenate", "TypeGuard", "Never", "LiteralString", "NotRequired"),
        *("Required", "Unpack", "TypeVarTuple", "assert_never", "assert_type", "reveal_type", "override", "TypeIs"),
        *("dataclass_transform", "is_typeddict", "get_overloads", "TypeAliasType", "ReadOnly"),
    },
    "sys": {"stdlib_module_names", "exception", "orig_argv"},
    "math": {"exp2", "cbrt", "sumprod"},
}
"""Names of the standard library that Python 3.9 does not have."""

NEWER_MODULES: Final = {"tomllib"}
NEWER_METHODS: Final = {"bit_count", "add_note", "is_junction", "walk_up", "hardlink_to"}
NEWER_ARGUMENTS: Final = {"zip": {"strict"}, "dataclass": {"slots", "kw_only"}, "field": {"kw_only"}}


def file_of(module: str) -> Path | None:
    place = OPERATOR.joinpath(*module.split("."))
    found = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in found if path.is_file()), None)


def imported(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """The modules that a tree imports. Of `from a import b` both `a` and `a.b`: either may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module, node
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)


def injected() -> dict[str, ast.Module]:
    """The trees of all modules that the entrances import, however late."""
    found: dict[str, ast.Module] = {}
    left = list(ENTRANCES)
    while left:
        module = left.pop()
        path = file_of(module)
        if module in found or path is None:
            continue
        found[module] = ast.parse(path.read_text(), feature_version=FLOOR)
        left += [name for name, _ in imported(found[module]) if name.startswith("mlops_")]
    return found


MODULES: Final = injected()
EACH = pytest.mark.parametrize("module", sorted(MODULES))


def test_the_set_is_what_the_documentation_says() -> None:
    assert {"mlops_workload.inputs", "mlops_workload.no_network", "mlops_contract.result"} <= MODULES.keys()
    assert not [module for module in MODULES if module.startswith(("mlops_operator", "mlops_contract.models"))]
    assert not {"mlops_workload.evaluate", "mlops_workload.monitor", "mlops_workload.serve"} & MODULES.keys()


@EACH
def test_nothing_is_imported_but_the_standard_library_and_what_a_model_needs(module: str) -> None:
    at_once = {id(node) for node in MODULES[module].body}
    for name, node in imported(MODULES[module]):
        library = name.partition(".")[0]
        allowed = AT_ONCE if id(node) in at_once else AT_ONCE | WHEN_USED.get(module, set())
        assert library.startswith("mlops_") or library in sys.stdlib_module_names | allowed, (
            f"line {node.lineno}: {name}"
        )


def evaluated(tree: ast.Module) -> Iterator[ast.AST]:
    """All nodes but those of annotations that stay text; those of documents are evaluated in any case."""
    as_text = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        yield node
        skipped = {"annotation", "returns"} if as_text and not getattr(node, "of_document", False) else set()
        for name, value in ast.iter_fields(node):
            entries = value if isinstance(value, list) else [value]
            left += [entry for entry in entries if isinstance(entry, ast.AST) and name not in skipped]


def mark_documents(tree: ast.Module) -> None:
    """Mark the fields of documents, whose annotations `mlops_contract.document` evaluates."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("Document") for base in node.bases):
            for entry in node.body:
                entry.of_document = True  # type: ignore[attr-defined]


TYPES: Final = {"str", "int", "float", "bool", "bytes", "dict", "list", "tuple", "set", "frozenset", "Path", "Any"}


def is_type(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return node.value is None
    if isinstance(node, ast.Subscript):
        return is_type(node.value) or ast.unparse(node.value) in {"Mapping", "Sequence", "Callable", "NDArray"}
    return isinstance(node, ast.Name) and (node.id in TYPES or (node.id[:1].isupper() and not node.id.isupper()))


@EACH
def test_no_type_is_evaluated_that_python_3_9_does_not_know(module: str) -> None:
    mark_documents(MODULES[module])
    for node in evaluated(MODULES[module]):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            assert not any(map(is_type, (node.left, node.right))), f"line {node.lineno}: {ast.unparse(node)}"


@EACH
def test_nothing_of_a_newer_standard_library_is_used(module: str) -> None:
    problems = []
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.ImportFrom):
            taken = {alias.name for alias in node.names} & NEWER.get(node.module or "", set())
            problems += [f"line {node.lineno}: {node.module}.{name}" for name in taken]
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in NEWER.get(owner, set()) | NEWER_METHODS:
                problems.append(f"line {node.lineno}: {owner}.{node.attr}")
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            given = {keyword.arg for keyword in node.keywords} & NEWER_ARGUMENTS.get(called, set())
            problems += [
                f"line {node.lineno}: {called}({name}=)" for name in given if "csv" not in ast.unparse(node.func)
            ]
    problems += [name for name, _ in imported(MODULES[module]) if name in NEWER_MODULES]
    assert not problems


@pytest.mark.parametrize(
    "source",
    [
        "match x:\n    case 1:\n        pass",
        "try:\n    pass\nexcept* ValueError:\n    pass",
        "type X = int",
    ],
)
def test_newer_syntax_is_noticed(source: str) -> None:
    with pytest.raises(SyntaxError):
        ast.parse(source, feature_version=FLOOR)


def test_the_documentation_names_what_an_image_of_a_user_needs() -> None:
    text = (OPERATOR.parent / "docs/operations/images.md").read_text()
    (line,) = re.findall(r"^RUN pip install --no-cache-dir (.*) torch$", text, re.MULTILINE)
    assert line.split() == ["numpy", "fsspec"]
    assert "Python 3.9" in text
