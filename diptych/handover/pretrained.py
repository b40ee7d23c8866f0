"""Handing over a trained run: to a folder or to the model hub, with a model card."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from diptych.data.pairs import DataSet
from diptych.entrance import checks_arguments
from diptych.errors import BadCheckpoint, BadSetting, MissingData
from diptych.evaluation import Evaluation
from diptych.files import file_digest, write_json, written_atomically
from diptych.handover.contents import CARD_FILE, EVALUATION_FILE, FILES, SHOWN, WEIGHTS, lenders, shared_config
from diptych.handover.hub_runs import check_name, uploaded
from diptych.handover.model_card import LIBRARY, CardContents, model_card
from diptych.progress import Progress
from diptych.training.run_config import RunConfig
from diptych.training.run_folder import RunFolder


class HandsOver(ABC):
    """Writes a run for others."""

    folder: RunFolder
    config: RunConfig

    @abstractmethod
    def open_data(self) -> DataSet:
        """Return the data set of the training."""

    @abstractmethod
    def evaluate(self, *, split: str, progress: Progress | None = None) -> Evaluation:
        """Return how well a split is retrieved."""

    @checks_arguments
    def save_pretrained(
        self,
        folder: str | Path,
        *,
        name: str | None = None,
        split: str | None = "test",
        licence: str | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Write the run for others, with a model card `README.md`, and return the folder.

        It holds the weights, the records and the card, and no path of this machine; `Retriever.from_pretrained` opens
        it. The card tells the figures of a `split`, measured here if the data are still at hand; None measures none.
        `licence` is the hub's name of the terms that you give the run under, such as `apache-2.0`; `name` is the card's
        title, by default that of the folder.
        """
        folder = Path(folder)
        self._admit(folder)
        figures, splits = self._measured(split, progress)
        told = CardContents(name or folder.resolve().name, self.config, splits, figures, licence)
        files = self._files()
        folder.mkdir(parents=True, exist_ok=True)
        for stale in {*FILES} - {*files}:
            (folder / stale).unlink(missing_ok=True)
        for file, source in files.items():
            with written_atomically(folder / file) as temporary:
                shutil.copyfile(source, temporary)
        write_json(folder / "config.json", shared_config(self.config))
        if figures is not None:
            write_json(folder / EVALUATION_FILE, figures)
        with written_atomically(folder / CARD_FILE) as temporary:
            temporary.write_text(model_card(told), encoding="utf-8")
        return folder

    @checks_arguments
    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        token: str | None = None,
        split: str | None = "test",
        licence: str | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Upload the run to the model hub as OWNER/NAME, with a model card, and return its address.

        The repository is created if need be, `private` or public. The token is by default the one that `hf auth login`
        keeps or `HF_TOKEN` names; `HF_ENDPOINT` names another hub. The rest is as in `save_pretrained`.
        """
        check_name(repo_id)
        with TemporaryDirectory() as place:
            written = self.save_pretrained(
                Path(place) / "run", name=repo_id, split=split, licence=licence, progress=progress
            )
            return uploaded(written, repo_id, private=private, token=token)

    def _admit(self, folder: Path) -> None:
        """Refuse a folder with other things in it: stale files of an earlier hand-over are replaced."""
        if not folder.exists():
            return
        if not folder.is_dir():
            raise BadSetting(f"{folder} is a file. Name a folder.")
        card = folder / CARD_FILE
        ours = card.is_file() and f"library_name: {LIBRARY}" in card.read_text(encoding="utf-8", errors="replace")
        if any(folder.iterdir()) and not ours:
            raise BadSetting(f"{folder} holds other things than a run that was handed over. Name an empty folder.")

    def _files(self) -> dict[str, Path]:
        """Return the files to copy by name: the run's own, and the networks that other runs have tuned."""
        own = {name: self.folder.path / name for name in ("config.json", "result.json", *WEIGHTS, *SHOWN)}
        files = {
            name: file for name, file in own.items() if file.is_file() and name not in (CARD_FILE, EVALUATION_FILE)
        }
        for modality, file in lenders(self.config):
            if file.name in files:
                continue
            if not file.is_file():
                raise MissingData(
                    f"this run reads with the {modality} network of another run, and {file} is not there any more. "
                    "Restore it, or train again."
                )
            recorded = getattr(self.config.encoders, modality).fingerprint
            if self._fingerprint(file, modality) != recorded:
                raise BadCheckpoint(f"{file} is not the network that this run was trained on. Restore it.")
            files[file.name] = file
        return files

    def _fingerprint(self, file: Path, modality: str) -> str:
        from diptych.encoders.contract import fingerprint_of
        from diptych.encoders.run import VERSION, Config

        return fingerprint_of("run", weights=file_digest(file), config=Config(), version=VERSION)

    def _measured(
        self, split: str | None, progress: Progress | None
    ) -> tuple[Mapping[str, Any] | None, Mapping[str, int]]:
        """Return the figures of a split and the sizes of all, as far as the data are at hand."""
        try:
            splits = {name: len(rows) for name, rows in self.open_data().splits.items()}
            figures = None if split is None else self.evaluate(split=split, progress=progress).as_dict()
        except MissingData:
            return None, {}
        return figures, splits
