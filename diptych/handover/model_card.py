"""The model card of a run, in the format of the model hub: what it learnt from, its figures, how to use it."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from diptych.encoders.passed import OWN
from diptych.errors import UnknownName
from diptych.handover.contents import encoder_without_folders, without_folders
from diptych.handover.credits import base_models, credit, method_title
from diptych.methods.module import open_method, preset_of
from diptych.training.run_config import RunConfig

LIBRARY = "diptych"
TASK = "image-text-retrieval"
DIRECTIONS = {"image_to_text": "image to text", "text_to_image": "text to image"}
SET_BY_DEFAULT = {"image": "efficientnet-lite2", "text": "minilm"}
"""The encoders that a training uses if none is named."""


@dataclass(frozen=True)
class CardContents:
    """What a model card tells."""

    name: str
    """Its title: OWNER/NAME, or the name of a folder."""
    config: RunConfig
    splits: Mapping[str, int]
    """The number of pairs in each split; empty if the data are not at hand."""
    figures: Mapping[str, Any] | None
    """An evaluation (`Evaluation.as_dict`), if there is one."""
    licence: str | None
    """The hub's name of the licence that the run is given."""


def model_card(told: CardContents) -> str:
    """Return the card as Markdown, its front matter in YAML."""
    sections = [
        f"---\n{front_matter(told)}\n---",
        f"# {told.name}",
        f"Finds pictures by text and texts by picture. {method_title(told.config.method)}, trained with "
        f"{LIBRARY} {told.config.versions.get(LIBRARY, '')}.",
        "## Use",
        f"```python\n{_usage(told)}\n```",
        "## Training",
        *_training(told),
        "## Figures",
        *_figures(told),
        "## What it stands on",
        "\n".join(_credits(told)),
    ]
    return "\n\n".join(sections) + "\n"


def front_matter(told: CardContents) -> str:
    """Return the YAML that the hub reads."""
    from huggingface_hub import EvalResult, ModelCardData

    data, results = without_folders(told.config.data.source), []
    for key, value in _metrics(told.figures or {}).items():
        split = str((told.figures or {})["split"])
        metric = key.replace(" ", "_").replace("@", "_at_")
        results.append(
            EvalResult(TASK, data, told.config.data.name, metric, value, dataset_split=split, metric_name=key)
        )
    given = {"eval_results": results, "model_name": told.name.rpartition("/")[2]} if results else {}
    written = ModelCardData(
        library_name=LIBRARY,
        tags=[TASK, "cross-modal-retrieval", told.config.method],
        base_model=base_models(_encoders(told.config)) or None,
        license=told.licence,
        **given,  # type: ignore[arg-type]
    )
    return written.to_yaml().strip()


def training_command(config: RunConfig) -> str:
    """Return the command that repeats a training."""
    words = ["diptych", "train", config.method, "--data", without_folders(config.data.source), "--out", "RUN"]
    words += ["--preset", config.preset] if config.preset != "default" else []
    words += ["--seed", str(config.seed)] if config.seed else []
    if config.data.split_seed is not None:
        words += ["--split-seed", str(config.data.split_seed)]
    for (modality, usual), name in zip(SET_BY_DEFAULT.items(), _encoders(config), strict=True):
        words += [f"--{modality}-encoder", name] if name != usual else []
    words += ["--relevant", config.relevant, "--texts", config.texts]
    words += [word for column in config.data.columns for word in ("--columns", column)]
    settings = (*changed_settings(config), *config.encoders.settings)
    return shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])


def changed_settings(config: RunConfig) -> list[str]:
    """Return the settings in which a run differs from its preset, as `--set` takes them."""
    try:
        preset = asdict(preset_of(open_method(config.method), config.preset, config.relevant))
    except UnknownName:  # a preset that this version does not have
        return []
    usual = dict(_flat(json.loads(json.dumps(preset))))
    return [
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in _flat(json.loads(json.dumps(config.settings)))
        if name in usual and usual[name] != value
    ]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _encoders(config: RunConfig) -> tuple[str, str]:
    image, text = (encoder_without_folders(each.name) for each in config.encoders.both)
    return image, text


def _variable(name: str) -> str:
    """Return a name as a variable of Python is written."""
    return re.sub(r"\W|^(?=\d)", "_", name)


def _usage(told: CardContents) -> str:
    place = told.name if "/" in told.name else f"path/to/{told.name}"
    recorded = zip(SET_BY_DEFAULT, _encoders(told.config), strict=True)
    own = "".join(
        f", {m}_encoder={_variable(name.partition(':')[2])}" for m, name in recorded if name.startswith(f"{OWN}:")
    )
    return (
        f"from {LIBRARY} import Retriever\n\n"
        f'retriever = Retriever.from_pretrained("{place}"{own})\n'
        'print(retriever.similarity(["cat.jpg"], ["a cat asleep", "a dog"]))\n'
        'vectors = retriever.encode_text(["a cat asleep"])\n'
        'results = retriever.search("my-pictures", text="a cat asleep", k=5)'
    )


def _training(told: CardContents) -> list[str]:
    config = told.config
    image, text = _encoders(config)
    pairs = ", ".join(f"{count:,} {split}" for split, count in told.splits.items()) or "not counted"
    splits = "its own" if config.data.split_seed is None else f"drawn with seed {config.data.split_seed}"
    rows = [
        ("data", f"{config.data.name}, fingerprint `{config.data.fingerprint}`"),
        ("pairs", pairs),
        ("splits", f"{splits}, fingerprint `{config.data.splits}`"),
        ("what counts as right", config.relevant),
        ("method, preset, seed", f"{config.method}, {config.preset}, {config.seed}"),
        ("image encoder", f"`{image}`"),
        ("text encoder", f"`{text}`"),
        ("versions", ", ".join(f"{name} {version}" for name, version in config.versions.items())),
    ]
    table = "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])
    return [table, f"```sh\n{training_command(config)}\n```"]


def _figures(told: CardContents) -> list[str]:
    if told.figures is None:
        return ["Not measured when this card was written."]
    figures = told.figures
    lines = ["| metric | value |", "|---|---|", *(f"| {n} | {v:.4f} |" for n, v in _metrics(figures).items())]
    items = figures["items"]
    what = f"Split `{figures['split']}` of {figures['data']}: {items['images']:,} pictures, {items['texts']:,} texts."
    command = f"diptych evaluate RUN --split {figures['split']}"
    notes = [f"Note: {note}." for note in figures["notes"]]
    return [what, "\n".join(lines), *notes, f"```sh\n{command}\n```"]


def _metrics(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of the fused ranking by name, those that there are."""
    if not figures:
        return {}
    found: dict[str, float | None] = {"average MAP": figures["average_map"], "chance MAP": figures["chance_map"]}
    for direction, title in DIRECTIONS.items():
        found |= {f"{title} {name}": value for name, value in figures[direction].items()}
    found["recall sum"] = figures["recall_sum"]
    return {name: value for name, value in found.items() if isinstance(value, float)}


def _credits(told: CardContents) -> Sequence[str]:
    names = dict.fromkeys((*_encoders(told.config), without_folders(told.config.data.source)))
    lines = [f"- `{name}`: {credit(name)}" for name in names]
    own = f"The run itself is given under `{told.licence}`." if told.licence else ""
    return [*lines, *(["", own] if own else [])]
