import numpy as np
import pytest
import torch

from diptych.data.features import Encoded, Features, Parts
from diptych.errors import BadSetting, DiptychError
from diptych.maths.sharing import WHOLE
from diptych.methods.batches import Batch
from diptych.training.part import Part
from diptych.training.processes import ALONE, joined, own_device


@pytest.mark.parametrize(("rows", "count"), [(10, 1), (10, 2), (10, 4), (11, 3), (4, 4)])
def test_the_parts_of_a_batch_are_all_of_it_and_differ_by_one_row_at_most(rows: int, count: int) -> None:
    spans = [Part(rank, count, rows).own(rows) for rank in range(count)]
    assert [row for span in spans for row in range(span.start, span.stop)] == list(range(rows))
    sizes = {span.stop - span.start for span in spans}
    assert max(sizes) - min(sizes) <= 1


def test_a_part_of_a_batch_has_its_rows_padded_as_those_of_the_whole_and_knows_all_labels() -> None:
    draw = np.random.default_rng(0).standard_normal

    def encoded(lengths: list[int]) -> Encoded:
        parts = [draw((length, 4)).astype(np.float32) for length in lengths]
        return Encoded(draw((9, 3)).astype(np.float32), Parts.of(parts))

    images, texts = encoded([4] * 9), encoded([2, 9, 1, 5, 3, 2, 2, 7, 1])
    labels = np.arange(9)[:, None] % 2 == np.arange(2)
    features = Features(images, texts, np.arange(9), labels, tuple(map(str, range(9))))
    rows = np.array([1, 4, 0, 7, 3])
    whole = Batch.of(features, rows)
    for rank in range(2):
        part = Part(rank, 2, len(rows))
        own, batch = part.own(len(rows)), Batch.of(features, rows, share=part)
        for found, wanted in ((batch.images, whole.images), (batch.texts, whole.texts)):
            assert torch.equal(found.whole, wanted.whole[own])
            assert torch.equal(found.parts, wanted.parts[own])
            assert torch.equal(found.mask, wanted.mask[own])
        assert torch.equal(batch.targets.labels, whole.targets.labels)
        assert torch.equal(batch.targets.pairs, whole.targets.pairs)


def test_a_process_that_no_launcher_started_trains_alone() -> None:
    with joined() as processes:
        assert processes is ALONE
    assert processes.leads
    assert processes.share(3) is WHOLE
    assert processes.first(max, 3, 4) == 4
    processes.wait()

    def refuse() -> None:
        raise DiptychError("no")

    with pytest.raises(DiptychError, match="no"):
        processes.first(refuse)


def test_each_process_computes_on_the_processor_where_there_is_no_gpu() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    assert own_device() == torch.device("cpu")


def test_a_process_without_a_gpu_of_its_own_is_refused_where_there_are_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert own_device() == torch.device("cuda", 0)
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(BadSetting, match="this machine has 1"):
        own_device()
