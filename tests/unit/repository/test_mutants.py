# SPDX-License-Identifier: Apache-2.0
"""Mutation testing changes every kind of decision once, and its list of ignored mutants means mutants that exist."""

import ast
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants import runner, session
from tests.mutants.__main__ import Mutant, main, sample
from tests.mutants.catalog import DECISIONS, ROOT, dotted, ignored, modules, paths_of
from tests.mutants.mutations import mutations
from tests.mutants.runner import run, run_all


def changes(source: str) -> list[str]:
    return [mutation.change for mutation in mutations(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", ["a < b -> a <= b"]),
        ("a >= 1", ["a >= 1 -> a > 1", "a >= 1 -> a >= 2"]),
        ("a < b <= c", ["a < b <= c -> a <= b <= c", "a < b <= c -> a < b < c"]),
        ("a is None", ["a is None -> a is not None"]),
        ("a and b", ["a and b -> a or b"]),
        ("not a", ["not a -> a"]),
        ("max(a, b)", ["max(a, b) -> min(a, b)"]),
        ("a + b", ["a + b -> a - b"]),
        ("'a' + b", []),
        ("LIMIT: Final = 3", ["LIMIT: Final = 3 -> LIMIT: Final = 4"]),
        ("LIMIT = 0.5", ["LIMIT = 0.5 -> LIMIT = 1.0"]),
        ("x = a if b else c", ["a if b else c -> a if not b else c"]),
        ("assert a < b", []),
        ("if __name__ == '__main__':\n    main()", []),
        ("x: 'a < b' = c", []),
    ],
)
def test_each_kind_of_decision_is_changed(source: str, expected: list[str]) -> None:
    assert changes(source) == expected


def test_return_values_are_changed() -> None:
    source = (
        "def f(a) -> bool:\n    return True\ndef g(a) -> int | None:\n    return a\ndef h(a) -> int:\n    return a\n"
    )
    found = mutations(source)
    assert [(entry.line, entry.function, entry.change) for entry in found] == [
        (2, "f", "return True -> return False"),
        (4, "g", "return a -> return None"),
    ]


def test_a_mutant_differs_in_one_place_and_the_source_is_left_alone() -> None:
    source = "class C:\n    def f(self):\n        return 1 < self.x and self.y\n"
    first, second = (entry for entry in mutations(source) if "1 <" in entry.before and "2" not in entry.after)
    assert ast.unparse(first.tree) != ast.unparse(second.tree) != ast.unparse(ast.parse(source))
    assert first.function == "C.f"


def test_every_glob_matches_a_module() -> None:
    empty = [glob for glob in DECISIONS if not any(ROOT.glob(glob))]
    assert not empty, "modules were moved, and their decisions are not mutated any more"


def test_every_module_with_decisions_has_tests() -> None:
    found = list(modules())
    assert len(found) > 120
    for module in found:
        assert all((ROOT / path).exists() for path in paths_of(module))
    election = Path("operator/mlops_operator/runtime/election.py")
    assert dotted(election) == "mlops_operator.runtime.election"
    assert paths_of(election)[0] == "tests/unit/runtime/test_election.py"
    assert dotted(Path("tools/prepare_restore.py")) == "tools.prepare_restore"
    assert paths_of(Path("tools/prepare_restore.py"))[-1] == "tests/unit/tools"


def test_a_sample_is_drawn_by_seed() -> None:
    module = Path("operator/x.py")
    found = [Mutant(module, mutation) for mutation in mutations("\n".join(f"a < b{number}" for number in range(50)))]
    assert len(sample(found, 10, seed=1)) == 10
    assert sample(found, 10, seed=1) == sample(found, 10, seed=1) != sample(found, 10, seed=2)
    assert sample(found, None, seed=1) == sample(found, 50, seed=1) == found


def test_every_ignored_mutant_exists_and_has_a_reason() -> None:
    known = {
        (str(module), mutation.function, mutation.change)
        for module in modules()
        for mutation in mutations((ROOT / module).read_text())
    }
    for entry in ignored():
        assert (entry.module, entry.function, entry.change) in known, entry
        assert len(entry.reason) > 20, entry


def test_a_mutant_is_noticed_by_the_tests_of_its_module_only_where_they_fail() -> None:
    module = Path("operator/mlops_operator/runtime/work/quantities.py")
    tests = ["tests/unit/runtime/work/test_quantities.py"]
    source = (ROOT / module).read_text()
    # This process has imported the project already, so the runs are made from one that has not.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        same, broken = (
            pool.submit(run, tests, name=dotted(module), path=module, tree=ast.parse(text), within=120).result()
            for text in (source, source.replace('"m": -3', '"m": -2'))
        )
    assert not same.noticed, same.output
    assert broken.noticed, broken.output


def test_mutants_of_functions_share_one_session_and_others_are_left_to_a_process_of_their_own() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        told = pool.submit(outcomes).result()
    assert told["pending_value: value == handled -> value != handled"] is True
    assert told["<module>: MAX_VALUE: Final = 200 -> MAX_VALUE: Final = 201"] is None
    assert told["pending_value: not annotation -> annotation in (None, '')"] is False
    assert told["pending_value: not annotation -> all(0 == zero for zero in iter(int, 1))"] is True


def outcomes() -> dict[str, bool | None]:
    """What a session tells of the mutants of a module, and of two made up ones: one changes nothing, one never ends."""
    # Nothing but the processor's time ends the latter.
    runner.LEAST_PATIENCE, session.LEAST_CPU = 3600.0, 1.0  # type: ignore[misc]
    module = Path("operator/mlops_operator/controllers/retrainpolicy/policies/manual.py")
    found = mutations((ROOT / module).read_text())
    negation = next(entry for entry in found if entry.before == "not annotation")
    for made_up in ("annotation in (None, '')", "all(0 == zero for zero in iter(int, 1))"):
        found.append(replace(negation, after=made_up, replacement=ast.parse(made_up, mode="eval").body))
    told: dict[str, bool | None] = {}

    def tell(index: int, noticed: bool | None) -> None:
        told[f"{found[index].function}: {found[index].change}"] = noticed

    run_all(
        ["tests/unit/controllers/retrainpolicy/test_adopt.py"],
        [(module, entry) for entry in found],
        at_once=1,
        told=tell,
    )
    return told


def test_tests_that_fail_without_a_mutant_are_named(tmp_path: Path) -> None:
    module = Path("operator/mlops_operator/controllers/retrainpolicy/policies/manual.py")
    path = tmp_path / "test_wrong.py"
    path.write_text("def test_right():\n    pass\n\ndef test_wrong():\n    assert 1 == 2\n")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        ran = pool.submit(fail, str(path), module)
        with pytest.raises(RuntimeError, match=r"failed: \S*test_wrong.py::test_wrong\n"):
            ran.result()


def fail(tests: str, module: Path) -> None:
    """Run tests of a mutant that fail without it."""
    found = mutations((ROOT / module).read_text())
    run_all([tests], [(module, found[0])], at_once=1, told=lambda _index, _noticed: None)


def test_mutants_are_listed_without_running_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--module", "*/runtime/election.py", "--sample", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("operator/mlops_operator/runtime/election.py:") for line in lines)
