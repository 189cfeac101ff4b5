"""The house keeps its proportions: how deep, long, wide and entangled a part may be. Read from the syntax trees.

A bound that some module does not meet names it below with its present value and the reason; it may shrink, not grow.
"""

import ast
import statistics
from collections.abc import Iterator
from functools import cache

from tests.test_architecture import FILES, MODULES, ROOT, imports_of, tree_of

BOUNDS = {"public names": 10, "nested blocks": 3, "class lines": 150, "methods": 12, "ancestors": 1}
ALLOWED: dict[tuple[str, str], tuple[int, str]] = {
    ("public names", "hpa.interfaces.protocols"): (20, "what every part must do, on one page"),
    ("public names", "hpa.interfaces.batches"): (12, "what is passed between parts, on one page"),
    ("public names", "hpa.formats.image_header"): (14, "one header and its parts for every format"),
    ("public names", "hpa.models.weights"): (11, "one way to read weights of any origin"),
    ("public names", "hpa.segmenters.hpa_cell.criteria"): (14, "the criteria of the original, one function each"),
    ("class lines", "hpa.segmenters.cellpose.Cellpose"): (159, "a third documents its settings"),
    ("class lines", "hpa.segmenters.hpa_cell.segmenter.HpaCell"): (154, "a third documents its settings"),
    ("class lines", "hpa.simulation.anatomy.Anatomy"): (155, "one property for each structure of a cell"),
    ("class lines", "hpa.sources.hubmap.source.Hubmap"): (163, "a data set: table, images, masks, truth"),
    ("class lines", "hpa.sources.kaggle_hpa.KaggleHpa"): (169, "a data set: table, images, further sets; its settings"),
    ("class lines", "hpa.sources.instance_folder.InstanceFolder"): (
        168,
        "a data set: table, images, label maps, truth",
    ),
    ("methods", "hpa.simulation.anatomy.Anatomy"): (23, "one property for each structure of a cell"),
    ("methods", "hpa.sources.hubmap.source.Hubmap"): (16, "a data set that serves several protocols"),
    ("methods", "hpa.core.addresses.StoredPath"): (22, "what a path can do"),
    ("methods", "hpa.training.module.TrainingModule"): (19, "the hooks that Lightning calls"),
    ("ancestors", "hpa.core.whole_file.DiskFullError"): (2, "an error of writing, which is an error of input"),
    ("nested blocks", "hpa.cells.crop_records:read_records"): (4, "a read inside its error handling"),
    ("nested blocks", "hpa.inference.work_claim:opened"): (4, "a lock inside its clean-up"),
}
"""(measure, where): its present value and why it stands above the bound."""
BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match, ast.AsyncFor, ast.AsyncWith)


def public_names(module: str) -> set[str]:
    found: set[str] = set()
    for node in tree_of(module).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found.add(name)
            case ast.Assign(targets=targets):
                found |= {target.id for target in targets if isinstance(target, ast.Name) and target.id.isupper()}
            case ast.AnnAssign(target=ast.Name(id=name)) if name.isupper():
                found.add(name)
    return {name for name in found if not name.startswith("_")}


def classes(module: str) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(tree_of(module)) if isinstance(node, ast.ClassDef))


def functions(module: str) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree_of(module)) if isinstance(node, ast.FunctionDef))


def nesting_of(node: ast.AST, *, is_elif: bool = False) -> int:
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.ClassDef, ast.Lambda)):
            continue  # counted by itself
        chained = isinstance(node, ast.If) and node.orelse == [child] and isinstance(child, ast.If)
        deepest = max(deepest, nesting_of(child, is_elif=chained))
    return deepest + (isinstance(node, BLOCKS) and not is_elif)


@cache
def bases() -> dict[str, list[str]]:
    return {
        node.name: [ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases]
        for module in MODULES
        for node in classes(module)
    }


def ancestors_of(name: str, seen: tuple[str, ...] = ()) -> int:
    """Count the ancestors of a class that are written here."""
    own = [base for base in bases().get(name, []) if base in bases() and base not in seen]
    return max((1 + ancestors_of(base, (*seen, name)) for base in own), default=0)


def measures(module: str) -> Iterator[tuple[str, str, int]]:
    """Give (measure, where, value) for a module, its classes and functions."""
    yield "public names", module, len(public_names(module))
    for node in classes(module):
        where = f"{module}.{node.name}"
        yield "class lines", where, (node.end_lineno or 0) - node.lineno + 1
        yield "methods", where, sum(isinstance(child, ast.FunctionDef) for child in node.body)
        yield "ancestors", where, ancestors_of(node.name)
    for function in functions(module):
        yield "nested blocks", f"{module}:{function.name}", nesting_of(function)


def test_modules_classes_and_functions_are_small():
    wrong = []
    for module in MODULES:
        for measure, where, value in measures(module):
            bound, _ = ALLOWED.get((measure, where), (BOUNDS[measure], ""))
            if value > bound:
                wrong.append(f"{where}: {value} {measure}, at most {bound}")
    assert not wrong, "\n".join(wrong)


def test_every_exception_is_still_needed():
    values = {(measure, where): value for module in MODULES for measure, where, value in measures(module)}
    needless = [key for key in ALLOWED if values.get(key, 0) <= BOUNDS[key[0]]]
    assert not needless, "within the bound now: delete these exceptions"


def test_folders_are_at_most_two_deep():
    deep = [path for path in FILES if len(path.relative_to(ROOT / "hpa").parts) > 3]
    assert not deep


def test_half_of_all_files_fit_on_a_page():
    assert statistics.median(path.read_text().count("\n") for path in FILES if path.stem != "__init__") <= 100


def test_public_things_are_documented():
    for module in MODULES:
        assert ast.get_docstring(tree_of(module)) or not tree_of(module).body, module


def test_own_modules_are_rarely_imported_inside_functions():
    """Commands import late, so that `hpa --help` does not wait for torch; elsewhere it hides a dependency."""
    late = [
        f"{module}: {target}"
        for module in MODULES
        if not module.startswith(("hpa.commands", "hpa.cli"))
        for target in set(imports_of(module)) - set(imports_of(module, lazy=False))
        if target.partition(".")[0] == "hpa"
    ]
    assert len(late) <= 12, late
