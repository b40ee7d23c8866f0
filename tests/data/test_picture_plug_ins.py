"""Formats that need another package: named where it is missing, read where it is there, imported only then."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from diptych.data.picture_plug_ins import PLUG_INS, missing_plug_in
from diptych.data.pictures import SUFFIXES, decode, upright_size
from diptych.errors import BadImage

STAND_IN = """
from PIL import BmpImagePlugin, Image

class Packed(BmpImagePlugin.BmpImageFile):
    format = "JXL"
    jpeg = False

    def _open(self):
        self.fp.seek(len(b"packed "))
        super()._open()

Image.register_open("JXL", Packed, lambda start: start.startswith(b"packed "))
"""
"""A package of the name of a plug-in, which reads another format."""

PROGRAM = """
import sys
from pathlib import Path
from diptych.data.pictures import SUFFIXES, decode
print(".jxl" in SUFFIXES, "pillow_jxl" in sys.modules)
print(decode(Path("plain.png")).size, "pillow_jxl" in sys.modules)
print(decode(Path("a.jxl")).size, "pillow_jxl" in sys.modules)
"""


def test_a_suffix_counts_as_a_picture_s_if_its_package_is_there() -> None:
    assert {suffix for suffix in PLUG_INS if missing_plug_in(suffix) is None} == SUFFIXES & PLUG_INS.keys()
    assert missing_plug_in(".png") is None


@pytest.mark.parametrize("name", ["IMG_1.HEIC", "a.heif", "a.hif", "a.jxl"])
def test_the_missing_package_of_a_picture_is_named(tmp_path: Path, name: str) -> None:
    if (package := missing_plug_in(Path(name).suffix)) is None:
        pytest.skip(f"the package for {name} is installed")
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    for read in (decode, upright_size):
        with pytest.raises(BadImage, match=rf"{name}' cannot be decoded without the package {package}. Install it"):
            read(tmp_path / name)


def test_a_plug_in_is_imported_when_its_first_picture_is_met(tmp_path: Path) -> None:
    (tmp_path / "pillow_jxl.py").write_text(STAND_IN)
    Image.new("RGB", (12, 8)).save(tmp_path / "plain.png")
    Image.new("RGB", (9, 7)).save(tmp_path / "a.bmp")
    (tmp_path / "a.jxl").write_bytes(b"packed " + (tmp_path / "a.bmp").read_bytes())
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{PROGRAM}"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["True False", "(12, 8) False", "(9, 7) True"], done.stderr


@pytest.mark.parametrize(
    ("suffix", "form", "module"), [(".heic", "HEIF", "pillow_heif"), (".jxl", "JXL", "pillow_jxl")]
)
def test_a_real_plug_in_reads_its_pictures_upright(tmp_path: Path, suffix: str, form: str, module: str) -> None:
    plug_in = pytest.importorskip(module)
    if form == "HEIF":
        plug_in.register_heif_opener()
    exif = Image.Exif()
    if form == "HEIF":  # the pixels of the other are upright, whatever its EXIF says
        exif[0x0112] = 6
    Image.new("RGB", (40, 24), "red").save(tmp_path / f"a{suffix}", form, exif=exif.tobytes())
    assert upright_size(tmp_path / f"a{suffix}") == decode(tmp_path / f"a{suffix}").size
    assert decode(tmp_path / f"a{suffix}").size == ((24, 40) if form == "HEIF" else (40, 24))
