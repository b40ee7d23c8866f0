from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from diptych.encoders.onnx import Config, Onnx
from diptych.encoders.registry import open_encoder
from diptych.errors import BadCheckpoint, BadSetting

SCALE = ["mean=[0,0,0]", "std=[1,1,1]"]
KERNEL = np.random.default_rng(0).random((5, 3, 1, 1)).astype(np.float32)


def save(
    path: Path,
    *,
    batch: int | str = "b",
    side: int | str = 8,
    last: bool = False,
    whole: bool = True,
    grid: bool = True,
) -> str:
    """Return the encoder's name of a graph: a 1 x 1 convolution with stride 4 as the grid, its maximum as the whole."""
    shape = [batch, side, side, 3] if last else [batch, 3, side, side]
    first = [helper.make_node("Transpose", ["pixels"], ["x"], perm=[0, 3, 1, 2])] if last else []
    convolution = helper.make_node("Conv", ["x" if last else "pixels", "kernel"], ["maps"], strides=[4, 4])
    out = helper.make_node(
        "Transpose" if last else "Identity", ["maps"], ["grid"], **({"perm": [0, 2, 3, 1]} if last else {})
    )
    pool = [helper.make_node("GlobalMaxPool", ["maps"], ["m"]), helper.make_node("Flatten", ["m"], ["whole"])]
    outputs = [helper.make_tensor_value_info("whole", TensorProto.FLOAT, [batch, 5])] * whole
    outputs += [helper.make_tensor_value_info("grid", TensorProto.FLOAT, [batch, None, None, None])] * grid
    graph = helper.make_graph(
        [*first, convolution, *([out] if grid else []), *(pool if whole else [])],
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        outputs,
        [numpy_helper.from_array(KERNEL, "kernel")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return f"onnx:{path}"


def pictures(count: int, side: int = 8) -> list[np.ndarray]:
    return list(np.random.default_rng(1).integers(0, 256, (count, side, side, 3), dtype=np.uint8))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("batch", ["b", 1])
def test_the_grid_and_the_whole_are_the_graphs_outputs(tmp_path: Path, last: bool, batch: int | str) -> None:
    encoder = open_encoder(save(tmp_path / "a.onnx", last=last, batch=batch), SCALE)
    images = pictures(3)
    for pixels, vectors in zip(images, encoder.encode(images), strict=True):
        regions = (pixels[::4, ::4] / 255).reshape(4, 3) @ KERNEL[:, :, 0, 0].T
        np.testing.assert_allclose(vectors.parts, regions, atol=2e-3)
        np.testing.assert_allclose(vectors.whole, regions.max(0), atol=2e-3)
    assert (encoder.parts_width, encoder.whole_width) == (5, 5)


def test_without_a_whole_the_regions_are_averaged(tmp_path: Path) -> None:
    encoder = open_encoder(save(tmp_path / "a.onnx", whole=False), SCALE)
    (vectors,) = encoder.encode(pictures(1))
    np.testing.assert_allclose(vectors.whole, vectors.parts.astype(np.float32).mean(0), atol=2e-3)


def test_without_a_grid_there_are_no_parts(tmp_path: Path) -> None:
    encoder = open_encoder(save(tmp_path / "a.onnx", grid=False), SCALE)
    assert encoder.encode(pictures(1))[0].parts is None
    assert encoder.parts_width is None


def test_a_graph_of_any_size_takes_the_side_from_the_settings(tmp_path: Path) -> None:
    name = save(tmp_path / "a.onnx", side="side")
    assert open_encoder(name, ["side=16"]).encode(pictures(1, 16))[0].parts.shape == (16, 5)
    with pytest.raises(BadSetting, match=r"a.onnx does not declare its input size. Set it: side=224"):
        open_encoder(name)


class Vague:
    """A session of a graph that does not state how wide its outputs are."""

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="pixels", shape=["b", 3, 8, 8])]

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name="grid", shape=["b", "c", 2, 2]), SimpleNamespace(name="whole", shape=["b", 7])]

    def run(self, names: list[str], inputs: dict[str, Any]) -> list[np.ndarray]:
        return [np.zeros((1, 5, 2, 2), np.float32), np.zeros((1, 7), np.float32)]


def test_a_width_that_the_graph_leaves_open_is_known_after_the_first_picture(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"weights")
    encoder = Onnx("onnx:a.onnx", Config(), tmp_path / "a.onnx", Vague())
    with pytest.raises(BadSetting, match=r"onnx:a.onnx does not declare its dimensions. Encode one item"):
        _ = encoder.parts_width
    encoder.encode(pictures(1))
    assert (encoder.parts_width, encoder.whole_width) == (5, 7)


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"no graph")
    with pytest.raises(BadCheckpoint, match=r"a.onnx is not a valid ONNX graph \(\w+\)\. Export it again"):
        open_encoder(f"onnx:{tmp_path / 'a.onnx'}")


def test_a_graph_that_takes_no_pictures_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    graph = helper.make_graph([node], "flat", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "a.onnx")
    with pytest.raises(
        BadCheckpoint, match=r"must take pictures \(b, 3, h, w\) or \(b, h, w, 3\); its input is \[1, 4\]"
    ):
        open_encoder(f"onnx:{tmp_path / 'a.onnx'}")


def test_a_graph_without_vectors_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("ReduceMax", ["x"], ["y"], keepdims=0)
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])]
    graph = helper.make_graph([node], "number", ends, [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), tmp_path / "a.onnx")
    with pytest.raises(BadCheckpoint, match=r"must have an output with four axes \(regions\) or two \(whole\)"):
        open_encoder(f"onnx:{tmp_path / 'a.onnx'}")


def test_a_graph_stays_on_the_processor_where_there_is_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = save(tmp_path / "tiny.onnx")
    alone = open_encoder(name, SCALE)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    beside = open_encoder(name, SCALE)
    assert beside.batch == alone.batch
    found, wanted = (encoder.encode(pictures(2)) for encoder in (beside, alone))
    assert all(np.array_equal(a.whole, b.whole) for a, b in zip(found, wanted, strict=True))
