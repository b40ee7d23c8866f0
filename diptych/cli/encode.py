"""`diptych encode`: fill the feature cache."""

from dataclasses import asdict

from diptych.cli.console import shown_progress, write, write_json
from diptych.cli.options import (
    IMAGE_ENCODER,
    TEXT_ENCODER,
    Address,
    CpusPerWorker,
    Data,
    DataRoot,
    GpusPerWorker,
    ImageEncoder,
    Json,
    On,
    Settings,
    TextEncoder,
    Workers,
    cluster_of,
)


def encode(
    data: Data,
    *,
    image_encoder: ImageEncoder = IMAGE_ENCODER,
    text_encoder: TextEncoder = TEXT_ENCODER,
    settings: Settings = None,
    data_root: DataRoot = None,
    on: On = None,
    address: Address = None,
    workers: Workers = None,
    cpus_per_worker: CpusPerWorker = None,
    gpus_per_worker: GpusPerWorker = None,
    json: Json = False,
) -> None:
    """Encode a data set's pictures and texts into the cache.

    Later runs over the same pictures, texts and encoders read the cache.
    """
    from diptych import catalogue

    cluster = cluster_of(on, address, workers, cpus_per_worker, gpus_per_worker)
    with shown_progress() as progress:
        done = catalogue.encode(
            data,
            image_encoder=image_encoder,
            text_encoder=text_encoder,
            settings=settings or (),
            root=data_root,
            cluster=cluster,
            progress=progress,
        )
    if json:
        write_json(asdict(done))
        return
    unknown = f"; {done.unknown_words:.1%} of the words are unknown" if done.unknown_words else ""
    write(f"{done.data}: {done.pictures:,} pictures and {done.texts:,} texts in {done.seconds:.1f} s{unknown}.")
