"""`diptych encode`: fill the feature cache."""

from dataclasses import asdict

from diptych.cli.console import shown_progress, write, write_json
from diptych.cli.options import (
    IMAGE_ENCODER,
    TEXT_ENCODER,
    AddressOption,
    ColumnsOption,
    CpusPerWorkerOption,
    DataArgument,
    DataRootOption,
    GpusPerWorkerOption,
    ImageEncoderOption,
    JsonOption,
    OnOption,
    SettingsOption,
    TextEncoderOption,
    WorkersOption,
    cluster_of,
)


def encode(
    data: DataArgument,
    *,
    image_encoder: ImageEncoderOption = IMAGE_ENCODER,
    text_encoder: TextEncoderOption = TEXT_ENCODER,
    settings: SettingsOption = None,
    columns: ColumnsOption = None,
    data_root: DataRootOption = None,
    on: OnOption = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    cpus_per_worker: CpusPerWorkerOption = None,
    gpus_per_worker: GpusPerWorkerOption = None,
    json: JsonOption = False,
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
            columns=columns or (),
            cluster=cluster,
            progress=progress,
        )
    if json:
        write_json(asdict(done))
        return
    unknown = f"; {done.unknown_words:.1%} of the words are unknown" if done.unknown_words else ""
    write(f"{done.data}: {done.pictures:,} pictures and {done.texts:,} texts in {done.seconds:.1f} s{unknown}.")
