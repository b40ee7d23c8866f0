import os
import subprocess
import sys
from pathlib import Path

import pytest

from diptych import __version__
from diptych.cli import encode as encoding
from diptych.cli import main
from diptych.encoders import ROOM as ENCODERS
from diptych.encoders.passed import OWN

from .conftest import Diptych

ROOT = Path(__file__).resolve().parents[2]


def test_a_misspelt_verb_is_answered_with_the_right_one(diptych: Diptych) -> None:
    done = diptych("trian")
    assert done.code == 2
    assert "No such command 'trian'. Did you mean 'train'?" in done.err


def test_a_misspelt_method_is_answered_with_the_right_one(diptych: Diptych, tiny_set: Path, tmp_path: Path) -> None:
    done = diptych("train", "mscm", "--data", tiny_set, "--out", tmp_path / "run")
    assert done.code == 2
    assert done.err == "Error: methods has no entry 'mscm'. Did you mean 'mcsm'?\n"


def test_an_unknown_data_set_is_one_sentence_on_stderr(diptych: Diptych) -> None:
    done = diptych("data", "stats", "openmogi")
    assert (done.code, done.out) == (2, "")
    assert done.err == "Error: data has no entry 'openmogi'. Did you mean 'openmoji'?\n"


def test_a_place_that_cannot_be_written_is_one_sentence(diptych: Diptych, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = diptych("data", "get", "http://127.0.0.1:9/a.zip", "--sha256", "0" * 64, "--data-root", tmp_path / "file")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: ")
    assert done.err.endswith("Check the path, the permissions and the space left on the disk.\n")


def test_the_help_of_encode_and_the_guide_name_every_encoder(diptych: Diptych) -> None:
    shown, guide = diptych("encode", "--help").out, (ROOT / "docs" / "guide" / "index.md").read_text(encoding="utf-8")
    named = [name for name in ENCODERS.names() if name != OWN]  # which is an object, passed from Python
    assert [name for name in named if name not in shown or f"`{name}" not in guide] == []


def test_an_interrupted_command_leaves_with_130(monkeypatch: pytest.MonkeyPatch, diptych: Diptych) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules[encoding.__module__], "shown_progress", interrupted)
    assert diptych("encode", "openmoji").code == 130


def test_idle_threads_sleep_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["diptych", "--help"])
    for chosen, found in ((None, "PASSIVE"), ("ACTIVE", "ACTIVE")):
        monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
        if chosen:
            monkeypatch.setenv("OMP_WAIT_POLICY", chosen)
        with pytest.raises(SystemExit):
            main()
        assert os.environ["OMP_WAIT_POLICY"] == found


def test_the_package_runs_as_a_program_and_a_closed_pipe_is_no_error() -> None:
    command = [sys.executable, "-m", "diptych", "data", "list", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_help_imports_nothing_heavy() -> None:
    shown = "from diptych.cli import app; app(['--help'], standalone_mode=False)"
    script = f"import sys; {shown}; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, text=True)
    assert "Usage" in done.stdout
    for heavy in ("'torch'", "'numpy'", "'scipy'", "'PIL'", "'matplotlib'", "'pyarrow'"):
        assert heavy not in done.stdout


def test_the_pages_that_come_from_the_program_are_up_to_date() -> None:
    command = [sys.executable, ROOT / "docs" / "pages.py", "--check"]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("verb", ["data", "encode", "train", "evaluate", "search"])
def test_every_verb_has_help(diptych: Diptych, verb: str) -> None:
    done = diptych(verb, "--help")
    assert done.code == 0
    assert f"Usage: diptych {verb} " in done.out


def test_the_version_is_printed(diptych: Diptych) -> None:
    done = diptych("--version")
    assert (done.code, done.out) == (0, f"diptych {__version__}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_verbs_and_options(shell: str) -> None:
    program = "import sys; sys.argv[0] = 'diptych'; from diptych.cli import main; main()"
    environment = {**os.environ, "_DIPTYCH_COMPLETE": f"source_{shell}", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    script = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "diptych" in script.stdout
    asked = {
        "_DIPTYCH_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": "diptych collection rem",
        "COMP_WORDS": "diptych collection rem", "COMP_CWORD": "2",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }  # fmt: skip
    done = subprocess.run(command, env={**environment, **asked}, capture_output=True, text=True)
    assert "remove" in done.stdout
