"""Match pictures and texts in both directions, with one semantic space per modality.

>>> from diptych import Retriever, open_data
>>> open_data("openmoji").pairs[0].texts
('hash key', 'hash')
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

__all__ = ["Collection", "Retriever", "__version__", "evaluate_scores", "module_encoder", "open_data"]

_HOMES = {
    "Collection": "diptych.collection",
    "Retriever": "diptych.retriever",
    "evaluate_scores": "diptych.given_scores",
    "module_encoder": "diptych.encoders.own",
    "open_data": "diptych.data.sources",
}


def __getattr__(name: str) -> Any:
    """Import what the package offers when it is first asked for: importing `diptych` alone stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'diptych' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
