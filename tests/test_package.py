import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import diptych

ROOT = Path(__file__).resolve().parents[1]


def test_importing_the_package_imports_nothing_heavy() -> None:
    program = "import sys, diptych; print(*({'torch', 'numpy', 'typer', 'diptych.retriever'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_importing_the_package_imports_the_standard_library_alone() -> None:
    program = "import sys; before = {*sys.modules}; import diptych; print(*{*sys.modules} - before)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert imported - sys.stdlib_module_names == {"diptych"}


def test_what_is_exported_is_there() -> None:
    assert {name: getattr(diptych, name) for name in diptych.__all__}.keys() == set(diptych.__all__)


def test_what_is_not_exported_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'diptych' has no attribute 'Retreiver'"):
        diptych.Retreiver  # noqa: B018


def test_what_was_tested_is_pinned_for_every_requirement() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    assert {re.split(r"[\[>]", name)[0] for name in wanted} <= pinned


def test_the_citation_names_the_software_and_the_paper_of_its_method() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert (
        citation["license"]
        == tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"]
    )
    assert citation["references"][0]["doi"] == "10.1109/TIP.2018.2852503"


def test_what_the_guides_to_contributing_and_stability_name_is_there() -> None:
    for document in ("CONTRIBUTING.md", "SECURITY.md", "docs/stability.md"):
        for name in re.findall(r"`([\w./-]+\.(?:py|md|txt|toml))`", (ROOT / document).read_text(encoding="utf-8")):
            assert (ROOT / name).is_file(), f"{document}: {name}"
    assert "diptych.__all__" in (ROOT / "docs/stability.md").read_text(encoding="utf-8")


def test_a_wheel_brings_the_page(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "diptych", tmp_path / "diptych", ignore=shutil.ignore_patterns("__pycache__"))
    program = "from setuptools.build_meta import build_wheel; build_wheel('.')"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        shipped = {name for name in opened.namelist() if name.startswith("diptych/web/page/")}
    files = [path for path in (ROOT / "diptych" / "web" / "page").rglob("*") if path.is_file()]
    assert shipped == {path.relative_to(ROOT).as_posix() for path in files}
    assert "diptych/web/page/index.html" in shipped
