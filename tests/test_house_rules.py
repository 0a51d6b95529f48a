"""What has one owner keeps it; what must stand in two places stands in both."""

import ast
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PACKAGES = ("live", "gifts", "wallet", "web")
BANNED_WORDS = {
    "manager",
    "helper",
    "util",
    "utils",
    "service",
    "handler",
    "data",
    "info",
    "process",
}
# Names that libraries gave, which call them.
BANNED_ALLOWED = {"data_received", "process_bind_param", "process_result_value"}
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "uuid4", "uuid7"}
# Shells: they meet sockets, so they read the clock for the pure modules beside them.
LIVE_SHELLS = {"media", "udp_port", "peer", "bus", "aiortc_private"}
FREE_LICENCES = re.compile(
    r"MIT|BSD|Apache|ISC|MPL|PSF|Python Software Foundation|LGPL|Unlicense|Zlib|0BSD|CC0", re.I
)


def sources(*packages: str) -> Iterator[Path]:
    """Yield every Python file of ours."""
    for package in packages or PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    """Return the parsed file."""
    return ast.parse(path.read_text(), str(path))


def imported(path: Path) -> set[str]:
    """Return the top-level names ``path`` imports."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def named(*wanted: str) -> list[str]:
    """Return where one of the dotted calls or attributes ``wanted`` stands."""
    return [
        path.relative_to(ROOT).as_posix()
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in wanted
    ]


def test_only_the_gateway_imports_stripe() -> None:
    owners = [p.relative_to(ROOT).as_posix() for p in sources() if "stripe" in imported(p)]

    assert owners == ["wallet/stripe_gateway.py"]


def test_only_one_file_touches_private_names_of_aiortc_and_its_libraries() -> None:
    private = re.compile(r"(dtls|transport|session|pc|connection|srtp)\w*\._(?!_)[a-z]")

    owners = {
        p.relative_to(ROOT).as_posix()
        for p in sources("live")
        if {"aiortc", "pylibsrtp", "OpenSSL"} & imported(p) and private.search(p.read_text())
    }

    assert owners <= {"live/aiortc_private.py"}


def test_only_the_settings_read_the_environment() -> None:
    assert set(named("os.environ", "os.getenv", "environ.get")) <= {"web/settings.py"}


def test_the_core_reads_no_clock_and_makes_no_ids() -> None:
    found = []
    for path in sources("live", "gifts", "wallet"):
        if path.parent.name == "live" and (
            path.stem in LIVE_SHELLS or path.stem.startswith("client")
        ):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                module, _, last = name.rpartition(".")
                if last in CLOCKS and module in ("datetime", "date", "time", "uuid", "dt"):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")

    assert found == []


def test_no_name_uses_a_word_that_says_nothing() -> None:
    found = []
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                snake = re.sub(r"(?<!^)([A-Z])", r"_\1", node.name).lower()
                words = set(snake.replace("in_process", "").split("_"))  # the operating system's
                if words & BANNED_WORDS and node.name not in BANNED_ALLOWED:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")

    assert found == []


def test_every_module_says_what_it_owns() -> None:
    silent = [str(path) for path in sources() if not ast.get_docstring(tree(path))]

    assert silent == []


def test_every_module_of_the_core_has_its_tests() -> None:
    tests = ROOT / "tests"
    missing = [
        path.relative_to(ROOT).as_posix()
        for path in sources("live", "gifts", "wallet")
        if path.stem not in ("__init__", "errors", "tables")
        and not (tests / path.parent.name / f"test_{path.stem}.py").exists()
    ]

    assert missing == []


def test_every_frame_stands_in_the_protocol() -> None:
    protocol = (ROOT / "web/PROTOCOL.md").read_text()
    tags = {
        str(keyword.value.value)
        for node in ast.walk(tree(ROOT / "web/frames.py"))
        if isinstance(node, ast.ClassDef)
        for keyword in node.keywords
        if keyword.arg == "tag" and isinstance(keyword.value, ast.Constant)
    }

    assert len(tags) > 10
    assert {
        tag for tag in tags if f"`{tag}`" not in protocol and f'"{tag}"' not in protocol
    } == set()


def test_the_front_end_never_parses_strings_as_html() -> None:
    risky = re.compile(r"\.(innerHTML|outerHTML|insertAdjacentHTML)\b|document\.write|\beval\(")
    found = [p.name for p in (ROOT / "static/js").rglob("*.js") if risky.search(p.read_text())]

    assert found == []


def closure(name: str, found: dict[str, Distribution]) -> None:
    """Collect the installed distribution ``name`` and all it requires."""
    key = name.lower().replace("_", "-")
    if key in found:
        return
    found[key] = distribution(name)
    for line in found[key].requires or []:
        requirement = Requirement(line)
        extras = {"extra": ""}
        if requirement.marker is None or requirement.marker.evaluate(extras):
            closure(requirement.name, found)


def licence_of(found: Distribution) -> str:
    """Return what a distribution says of its licence, by any of the three ways."""
    told = found.metadata.json
    classifiers = [line for line in told.get("classifier", []) if line.startswith("License")]
    own_words = str(told.get("license", ""))[:80]
    return " ".join([str(told.get("license_expression", "")), *classifiers, own_words])


def test_every_dependency_has_a_licence_we_may_use() -> None:
    needed: dict[str, Distribution] = {}
    closure("ovation-live", needed)
    del needed["ovation-live"]

    refused = {
        name: licence_of(found)
        for name, found in needed.items()
        if not FREE_LICENCES.search(licence_of(found))
    }

    assert len(needed) > 20
    assert refused == {}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout, nothing to compare")
def test_nothing_that_a_run_makes_is_tracked() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "var", ".venv", "node_modules", "static/node_modules"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert tracked == ""
