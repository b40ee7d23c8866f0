"""Named tensors on disk, as safetensors with a JSON header, written atomically.

Nothing is unpickled. The error for a damaged file names it and says what to do.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from diptych.errors import BadCheckpoint
from diptych.files import written_atomically


def save_tensors(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors and a JSON-able state into one file, atomically."""
    own = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    # `save_file` writes its own temporary file next to this one, which an interruption would leave behind
    written = save(own, metadata={"state": json.dumps(state)})
    with written_atomically(path) as temporary:
        temporary.write_bytes(written)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the state in a file of `save_tensors`; raise `BadCheckpoint` for any other file."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state = json.loads((file.metadata() or {})["state"])
    except FileNotFoundError:
        raise BadCheckpoint(f"{path} does not exist: the run has not saved any weights yet. Train it first.") from None
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise BadCheckpoint(
            f"{path} cannot be read as weights ({error}); it is truncated or has another format. "
            "Train again, or copy the file again from its source."
        ) from None
    return tensors, state
