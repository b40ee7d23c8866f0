"""Runs on the model hub: downloaded, and uploaded. `HF_ENDPOINT` and the hub's other settings count."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from diptych.encoders.hub import hub_answers, hub_library, hub_settings
from diptych.encoders.passed import Passed
from diptych.errors import BadCheckpoint, BadSetting, DiptychError, MissingData
from diptych.handover.contents import FILES, RECORDS, checked, oversized
from diptych.rooms import split_name
from diptych.training.run_folder import RunFolder

HUB = "hub"
"""What precedes a name on the hub where a run's folder may also stand: `hub:OWNER/NAME`."""
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_on_hub(place: str | Path) -> bool:
    """Return whether a place means a run on the hub: `hub:OWNER/NAME`."""
    return split_name(str(place))[0] == HUB and not Path(place).exists()


def run_at(place: str | Path, passed: Passed = MappingProxyType({})) -> RunFolder:
    """Return the run in a folder, or the one on the hub that `hub:OWNER/NAME` means."""
    if is_on_hub(place):
        return checked(RunFolder(downloaded(split_name(str(place))[1])), passed)
    return RunFolder(Path(place))


def received(source: str | Path, *, revision: str | None = None, passed: Passed = MappingProxyType({})) -> RunFolder:
    """Return a run that somebody handed over, in a folder or by its name on the hub, after checks.

    `BadCheckpoint` if its files could do harm (`diptych.handover.contents`).
    """
    if Path(source).is_dir():
        if revision is not None:
            raise BadSetting(f"{source} is a folder, which has no revisions. Omit revision={revision!r}.")
        return checked(RunFolder(Path(source)), passed)
    name = str(source).removeprefix(f"{HUB}:")
    if not REPOSITORY.fullmatch(name):
        raise MissingData(f"{source} is neither a folder nor a name on the model hub. Write OWNER/NAME, or a folder.")
    return checked(RunFolder(downloaded(name, revision=revision)), passed)


def downloaded(name: str, *, revision: str | None = None) -> Path:
    """Return the folder with the files of a run on the hub, and only those that a run has.

    If the hub does not answer within seconds, an earlier download is used.
    """
    check_name(name)
    away = not hub_answers()
    with _asked("downloaded from the model hub", name, away=away):
        if not away:
            info = hub_library().HfApi().model_info(name, revision=revision, files_metadata=True)
            sizes = {each.rfilename: each.size or 0 for each in info.siblings or ()}
            for file, largest in RECORDS.items():
                if sizes.get(file, 0) > largest:
                    raise BadCheckpoint(oversized(f"{name}: {file}", sizes[file], largest))
        wanted = {"allow_patterns": list(FILES), "local_files_only": away}
        return Path(hub_library().snapshot_download(name, revision=revision, **wanted))


def uploaded(folder: Path, name: str, *, private: bool, token: str | None) -> str:
    """Upload the files of a run to the hub, into a repository that is created if need be; return its address."""
    check_name(name)
    with _asked("uploaded to the model hub", name, away=False):
        hub = hub_library().HfApi(token=token)
        address = hub.create_repo(name, repo_type="model", private=private, exist_ok=True)
        hub.upload_folder(
            repo_id=address.repo_id, folder_path=folder, allow_patterns=list(FILES), commit_message="A run of diptych"
        )
    return str(address)


def check_name(name: str) -> None:
    """Raise `BadSetting` for what is no name on the hub."""
    if not REPOSITORY.fullmatch(name):
        raise BadSetting(f"a run on the model hub is named OWNER/NAME; got {name!r}.")


@contextmanager
def _asked(what: str, name: str, *, away: bool) -> Iterator[None]:
    """Convert whatever the hub's library raises in the block into one error."""
    try:
        yield
    except DiptychError:
        raise
    except Exception as error:  # its exceptions and those of what it connects by differ from version to version
        if away:
            endpoint = hub_settings().ENDPOINT
            raise MissingData(
                f"the model hub cannot be reached at {endpoint}, and there is no earlier download of {name}. "
                "Connect this machine, or give the folder of the run."
            ) from error
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise MissingData(
            f"{name} cannot be {what}: {reason.rstrip('.')}. Check the name, and sign in with `hf auth login` or "
            "HF_TOKEN if it is private."
        ) from error
