# SPDX-License-Identifier: Apache-2.0
"""The mutations of a module's source: comparisons, boundaries, boolean operators, min and max, return values; pure."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
"""Each comparison and its neighbor: an order at its boundary, an equality as its opposite."""

ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
EXTREMES: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}

_Path = tuple[tuple[str, int | None], ...]

Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutation:
    """One change of one module.

    Attributes:
        line: where, in the module as it is written.
        function: dotted name of the function or class around it; `<module>` outside of any.
        before: the expression as it is.
        after: the expression in the mutant.
        source: the module as it is.
        path: to the node that is changed.
        replacement: the changed node.
    """

    line: int
    function: str
    before: str
    after: str
    source: ast.Module
    path: _Path
    replacement: ast.AST

    @property
    def tree(self) -> ast.Module:
        """The mutant."""
        return _replaced(self.source, self.path, self.replacement)

    @property
    def change(self) -> str:
        """The change in words, the same wherever the line moves."""
        return f"{self.before} -> {self.after}"


def mutations(source: str) -> list[Mutation]:
    """All mutations of a module, in the order of its lines."""
    tree = ast.parse(source)
    found: list[Mutation] = []
    for path, node, function, returns in _walk(tree, (), "<module>", ""):
        for replacement in _replacements(node, returns):
            before, after = _words(node), _words(replacement)
            if before != after:
                line = getattr(node, "lineno", 0)
                found.append(Mutation(line, function, before, after, tree, path, replacement))
    return sorted(found, key=lambda mutation: mutation.line)


def _walk(node: ast.AST, path: _Path, function: str, returns: str) -> Iterator[tuple[_Path, ast.AST, str, str]]:
    """Every node that is executed as a decision, with its path, the function around it and what that returns."""
    yield path, node, function, returns
    for name, value in ast.iter_fields(node):
        if _is_declaration(node, name):
            continue
        children = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if isinstance(child, ast.AST):
                inner, inside = function, returns
                if isinstance(child, Definition | ast.ClassDef):
                    inner = child.name if function == "<module>" else f"{function}.{child.name}"
                if isinstance(child, Definition):
                    inside = ast.unparse(child.returns) if child.returns else ""
                yield from _walk(child, (*path, (name, index)), inner, inside)


def _is_declaration(node: ast.AST, name: str) -> bool:
    """Whether a field holds types, decorators or texts, which decide nothing."""
    if isinstance(node, Definition):
        return name in {"args", "decorator_list", "returns", "type_params"}
    if isinstance(node, ast.ClassDef):
        return name in {"bases", "keywords", "decorator_list", "type_params"}
    return name in {"annotation", "type_comment"} or isinstance(node, ast.JoinedStr | ast.Assert | ast.Raise)


def _replacements(node: ast.AST, returns: str) -> Iterator[ast.AST]:
    if isinstance(node, ast.expr):
        yield from _expressions(node)
    elif isinstance(node, ast.AnnAssign | ast.Assign):
        if isinstance(node.value, ast.Constant) and _is_number(node.value.value):
            changed = copy.deepcopy(node)
            changed.value = ast.Constant(_next(node.value.value))
            yield changed
    elif isinstance(node, ast.Return) and node.value is not None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
            yield ast.Return(ast.Constant(not node.value.value))
        elif "None" in returns and not _is_none(node.value):
            yield ast.Return(ast.Constant(None))
    if isinstance(node, ast.If | ast.IfExp | ast.While) and _is_truth(node.test):
        negated = copy.copy(node)
        negated.test = ast.UnaryOp(ast.Not(), node.test)
        yield negated


def _expressions(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left=ast.Name(id="__name__")):
            return  # whether the module is the program
        case ast.Compare():
            yield from _compared(node)
        case ast.BoolOp():
            other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield ast.BoolOp(other, node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.BinOp() if type(node.op) in ARITHMETIC and not _is_text(node):
            yield ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
        case ast.Call(func=ast.Name(id=name)) if name in EXTREMES:
            yield ast.Call(ast.Name(EXTREMES[name], ast.Load()), node.args, node.keywords)


def _compared(node: ast.Compare) -> Iterator[ast.AST]:
    for index, operator in enumerate(node.ops):
        other = COMPARISONS[type(operator)]()
        yield ast.Compare(node.left, [*node.ops[:index], other, *node.ops[index + 1 :]], node.comparators)
    operands = [node.left, *node.comparators]
    for index, operand in enumerate(operands):
        if isinstance(operand, ast.Constant) and _is_number(operand.value):
            changed = [*operands[:index], ast.Constant(_next(operand.value)), *operands[index + 1 :]]
            yield ast.Compare(changed[0], node.ops, changed[1:])


def _words(node: ast.AST) -> str:
    """A node as source, of a statement with a body only its first line."""
    return ast.unparse(node).partition("\n")[0]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _next(value: object) -> int | float:
    """A neighbor of a number: the next integer, or a float that is twice as large."""
    if isinstance(value, float):
        return value * 2 if value else 1.0
    assert isinstance(value, int)
    return value + 1


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def _is_truth(test: ast.expr) -> bool:
    """Whether a condition is a mere value: comparisons and boolean operators have mutations of their own."""
    return not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp)


def _replaced(tree: ast.Module, path: _Path, replacement: ast.AST) -> ast.Module:
    """A copy of the tree with another node at the path."""
    mutant = copy.deepcopy(tree)
    parent: ast.AST = mutant
    for name, index in path[:-1]:
        value = getattr(parent, name)
        parent = value if index is None else value[index]
    name, index = path[-1]
    if index is None:
        setattr(parent, name, copy.deepcopy(replacement))
    else:
        getattr(parent, name)[index] = copy.deepcopy(replacement)
    return ast.fix_missing_locations(mutant)
