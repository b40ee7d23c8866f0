"""A network's author runs no code on this machine, whatever the folder says and the library would do."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from transformers import BertConfig, BertModel, ViTConfig, ViTModel

from diptych.encoders import hub
from diptych.encoders.foreign_code import without_foreign_code
from diptych.encoders.registry import open_encoder
from diptych.errors import BadCheckpoint

from .test_sentence_transformers import save_network

EVIL = "from pathlib import Path\nPath({!r}).write_text('ran')\nclass Evil: pass\n"
TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


class Touching:
    """An object that touches a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


@pytest.fixture
def network(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    return save_network(tmp_path / "base", tmp_path / "saved")


def changed(file: Path, **settings: Any) -> None:
    value = json.loads(file.read_text())
    file.write_text(json.dumps({**value, **settings}))


def of_modules(folder: Path, kind: str) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules[-1]["type"] = kind
    (folder / "modules.json").write_text(json.dumps(modules))


def a_router(folder: Path) -> None:
    (folder / "1_Pooling" / "router_config.json").write_text(json.dumps({"types": {"a": "evil.Evil"}}))


ATTACKS: dict[str, Callable[[Path], object]] = {
    "a module of its own": lambda folder: of_modules(folder, "evil.Evil"),
    "any module that is installed": lambda folder: of_modules(folder, "subprocess.Popen"),
    "no module of the package": lambda folder: of_modules(folder, "sentence_transformers.util.import_from_string"),
    "a routed module": a_router,
    "an activation": lambda folder: changed(folder / "1_Pooling" / "config.json", activation_function="evil.Evil"),
    "no activation": lambda folder: changed(folder / "1_Pooling" / "config.json", activation_function="torch.hub.load"),
    "an automatic class": lambda folder: changed(folder / "config.json", auto_map={"AutoModel": "evil.Evil"}),
    "trust": lambda folder: changed(folder / "config.json", text_config={"trust_remote_code": True}),
    "a kernel": lambda folder: changed(folder / "config.json", _attn_implementation="someone/kernel"),
    "a tokenizer": lambda folder: changed(folder / "tokenizer_config.json", tokenizer_class="evil.Evil"),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_folder_that_names_code_is_refused_before_a_library_sees_it(
    attack: str, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_encoder(f"sentence-transformers:{network}")
    ran = tmp_path / "ran"
    for place in (network, tmp_path):
        (place / "evil.py").write_text(EVIL.format(str(ran)))
    monkeypatch.syspath_prepend(str(tmp_path))
    ATTACKS[attack](network)
    with pytest.raises(BadCheckpoint, match=f"{network} brings code of its own, which is not run: .*.json holds "):
        open_encoder(f"sentence-transformers:{network}")
    assert not ran.exists()


def test_settings_behind_a_link_are_looked_into(network: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "evil.Evil"}}))
    (network / "linked").symlink_to(tmp_path / "elsewhere")
    (network / "round").symlink_to(network)
    with pytest.raises(BadCheckpoint, match="brings code of its own"):
        open_encoder(f"sentence-transformers:{network}")


def test_an_image_network_with_a_class_of_its_own_is_refused(tmp_path: Path) -> None:
    model = ViTModel(ViTConfig(**TINY, image_size=32, patch_size=8))
    model.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.25] * 3}))
    open_encoder(f"transformers:{tmp_path}")
    changed(tmp_path / "config.json", auto_map={"AutoModel": "someone/repository--evil.Evil"})
    with pytest.raises(BadCheckpoint, match=r"config.json holds auto_map: .*evil.Evil"):
        open_encoder(f"transformers:{tmp_path}")


def test_pickled_weights_may_hold_tensors_and_nothing_else(network: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    state = BertModel.from_pretrained(network).state_dict()
    (network / "model.safetensors").unlink()
    torch.save(state, network / "pytorch_model.bin")
    assert open_encoder(f"sentence-transformers:{network}").whole_width == 8
    torch.save({**state, "evil": Touching(ran)}, network / "pytorch_model.bin")
    with pytest.raises(
        BadCheckpoint, match=r"pickled weights that are more than tensors; .* Save them as .safetensors"
    ):
        open_encoder(f"sentence-transformers:{network}")
    assert not ran.exists()


def test_a_library_that_would_unpickle_anything_is_held_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    ran, file = tmp_path / "ran", tmp_path / "weights.pt"
    file.write_bytes(pickle.dumps(Touching(ran), protocol=2))
    with pytest.raises(BadCheckpoint, match="more than tensors"), without_foreign_code("it", None):
        torch.load(file, weights_only=False)
    assert not ran.exists()


def test_a_network_on_the_hub_is_looked_into_before_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    BertConfig(**TINY, auto_map={"AutoModel": "evil.Evil"}).save_pretrained(tmp_path)
    asked: list[str] = []
    monkeypatch.setattr(hub, "hub_answers", lambda: True)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **_: asked.append(name) or str(tmp_path))
    for library, source, name in (
        ("transformers", "someone/network", "someone/network"),
        ("sentence-transformers", "network", "sentence-transformers/network"),
        ("timm", "hf-hub:someone/network", "someone/network"),
    ):
        with pytest.raises(BadCheckpoint, match=f"{source} brings code"), hub.opened_by(library, source):
            pytest.fail("opened")
        assert asked.pop() == name
