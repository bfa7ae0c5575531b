"""Who imports whom: only downwards, never in a circle; the domain pure (docs/decisions/0005-layers.md).

The rules work on a mapping of module names to their source, so that the tests can feed them a wrong one.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# From the bottom up. A unit is a module or package right under jobs/.
LAYERS = (
    {"errors"},
    {"domain"},
    {"models", "gateways", "broker", "connections", "migrations"},
    {"services"},
    {"actors", "forms", "schemas", "checks", "clock"},
    {"views", "api", "admin", "templatetags", "management", "supervision", "apps"},
)
LEVEL = {unit: level for level, units in enumerate(LAYERS) for unit in units}
# Sideways between units: these, one way each.
SIDEWAYS = {
    ("broker", "connections"),
    ("migrations", "models"),
    ("clock", "actors"),
    ("templatetags", "views"),  # the words of the screens, for templates
    ("management", "supervision"),
}
# Stand-alone programs: what of jobs they may import.
ALONE = {"cpu_backend": {"domain"}, "supervision": set()}
# What the domain never touches: the clock, the machine, the outside.
IMPURE_MODULES = {
    "asyncio", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil", "signal",
    "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "uuid",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "__import__"}
CLOCK_READERS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns"}


@cache
def sources() -> dict[str, str]:
    """Every module of jobs, by its dotted name; a package stands for its __init__."""
    found = {}
    for path in sorted((ROOT / "jobs").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


def imported(module: str, source: str, modules: Mapping[str, str]) -> Iterator[str]:
    """The modules that `module` imports, wherever in its source: inside functions and type checking too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node, modules)
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                yield deeper if deeper in modules else base


def _absolute(module: str, node: ast.ImportFrom, modules: Mapping[str, str]) -> str:
    if not node.level:
        return node.module or ""
    is_package = any(name.startswith(f"{module}.") for name in modules)
    parts = module.split(".") + ([""] if is_package else [])
    base = parts[: len(parts) - node.level]
    return ".".join([*base, *([node.module] if node.module else [])])


def unit(module: str) -> str:
    return module.split(".")[1] if module.startswith("jobs.") else ""


def layer_violations(modules: Mapping[str, str]) -> list[str]:
    """A sentence for each import that leads upwards, sideways, out of a stand-alone program or to nowhere known."""
    return sorted(
        sentence
        for module, source in modules.items()
        for target in set(imported(module, source, modules))
        if (sentence := _violation(module, target))
    )


def _violation(module: str, target: str) -> str:
    if target.split(".")[0] in {"ocrsite", "tests", "bench"}:
        return f"{module} imports {target}: settings are read through django.conf, tests and benchmarks by nobody"
    here, there = unit(module), unit(target)
    if not here or not there or here == there:
        return ""
    if here in ALONE:
        return "" if there in ALONE[here] else f"{module} stands alone and imports {target}"
    if there in ALONE and (here, there) not in SIDEWAYS:
        return f"{module} imports {target}, which stands alone"
    unplaced = [name for name in (here, there) if name not in LEVEL]
    if unplaced:
        return f"{module} imports {target}: {unplaced[0]} has no layer yet"
    if LEVEL[there] > LEVEL[here]:
        return f"{module} imports {target}, upwards"
    if LEVEL[there] == LEVEL[here] and (here, there) not in SIDEWAYS:
        return f"{module} imports {target}, sideways"
    return ""


def circle(modules: Mapping[str, str]) -> list[str]:
    """Modules that import each other in a circle; empty when there is none."""
    graph = {
        module: {t for t in imported(module, source, modules) if t in modules and t != module}
        for module, source in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def impurities(modules: Mapping[str, str]) -> list[str]:
    """What the domain (and the error tree) may not do, as sentences."""
    return sorted(
        sentence
        for module, source in modules.items()
        if unit(module) in {"domain", "errors"}
        for sentence in [*_foreign_imports(module, source, modules), *_impure_calls(module, source)]
    )


def _foreign_imports(module: str, source: str, modules: Mapping[str, str]) -> Iterator[str]:
    for target in set(imported(module, source, modules)):
        top = target.split(".")[0]
        if top != "jobs" and (top not in sys.stdlib_module_names or {top, target} & IMPURE_MODULES):
            yield f"{module} imports {target}"


def _impure_calls(module: str, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in IMPURE_CALLS:
            yield f"{module} calls {called.id}() in line {node.lineno}"
        elif isinstance(called, ast.Attribute) and called.attr in CLOCK_READERS and not node.args:
            yield f"{module} reads the clock by .{called.attr}() in line {node.lineno}"


def environment_readers(modules: Mapping[str, str]) -> list[str]:
    """Modules that look a variable up. Handing the whole environment on to a child process is no reading."""
    return sorted(
        module for module, source in modules.items() if any(map(_reads_variable, ast.walk(ast.parse(source))))
    )


def _reads_variable(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and node.attr in {"getenv", "environb"}:
        return True
    looked_into = node.value if isinstance(node, ast.Subscript | ast.Attribute) else None
    return isinstance(looked_into, ast.Attribute) and looked_into.attr == "environ"


def test_imports_lead_downwards_only() -> None:
    assert layer_violations(sources()) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(sources()) == []


def test_the_domain_is_pure() -> None:
    assert impurities(sources()) == []


def test_only_the_settings_read_the_environment() -> None:
    assert environment_readers(sources()) == []


def test_every_unit_has_a_place() -> None:
    units = {unit(module) for module in sources()} - {""}
    assert units - set(LEVEL) - set(ALONE) == set()
    assert len(sources()) > 50, "the walk found too little to mean anything"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("jobs.services.settling", "from jobs import actors"),
        ("jobs.services.settling", "def late():\n    from jobs.actors import dispatch_soon"),
        ("jobs.domain.routing", "from jobs.models import Backend"),
        ("jobs.errors", "import jobs.domain.failures"),
        ("jobs.gateways.vllm", "from jobs.models import Backend"),
        ("jobs.models.documents", "from jobs.gateways import storage"),
        ("jobs.actors", "from jobs.clock import run"),
        ("jobs.api.documents", "from jobs.views import words"),
        ("jobs.cpu_backend.app", "from jobs.errors import Invalid"),
        ("jobs.supervision.site", "from jobs.services import health"),
        ("jobs.services.health", "from jobs.cpu_backend import engine"),
        ("jobs.services.health", "from ocrsite import settings"),
        ("jobs.services.health", "from ..views import words"),
        ("jobs.newcomer", "from jobs import errors"),
    ],
)
def test_an_import_that_leads_up_or_aside_is_found(module: str, source: str) -> None:
    modules = {**dict.fromkeys(sources(), ""), module: source}
    assert [sentence for sentence in layer_violations(modules) if sentence.startswith(f"{module} ")] != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("jobs.views.extra", "from jobs import actors\nfrom jobs.services import documents"),
        ("jobs.clock", "from jobs import actors"),
        ("jobs.cpu_backend.app", "from jobs.domain import chat\nfrom jobs.cpu_backend import engine"),
        ("jobs.services.settling", "import jobs.domain.statuses\nfrom . import statements"),
    ],
)
def test_an_import_that_leads_down_is_fine(module: str, source: str) -> None:
    modules = {**dict.fromkeys(sources(), ""), module: source}
    assert [sentence for sentence in layer_violations(modules) if sentence.startswith(f"{module} ")] == []


def test_a_circle_inside_a_package_is_found() -> None:
    modules = {
        "jobs.services": "",
        "jobs.services.one": "from jobs.services import two",
        "jobs.services.two": "def late():\n    from jobs.services.three import x",
        "jobs.services.three": "from . import one",
    }
    assert set(circle(modules)) == {"jobs.services.one", "jobs.services.two", "jobs.services.three"}
    del modules["jobs.services.three"]
    assert circle(modules) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time\nstarted = time.time()",
        "from datetime import datetime\nwhen = datetime.now()",
        "import datetime\nday = datetime.date.today()",
        "text = open('x').read()",
        "import os",
        "import requests",
        "from django.conf import settings",
        "from urllib.request import urlopen",
    ],
)
def test_a_clock_a_file_or_a_foreign_library_in_the_domain_is_found(source: str) -> None:
    assert impurities({"jobs.domain.new": source}) != []
    assert impurities({"jobs.services.new": source}) == []


@pytest.mark.parametrize(
    "source", ["import os\nx = os.environ['A']", "import os\nx = os.environ.get('A')", "import os\nx = os.getenv('A')"]
)
def test_reading_a_variable_is_found(source: str) -> None:
    assert environment_readers({"jobs.services.new": source}) == ["jobs.services.new"]
    assert environment_readers({"jobs.supervision.new": "import os\nx = {**os.environ, 'A': 'b'}"}) == []
