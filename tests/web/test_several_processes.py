"""Several processes over one collection, behind nginx: reads after writes, another model, processes and stores that die."""

import base64
import json
import shutil
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from diptych.client import Client
from diptych.collection import Collection
from diptych.errors import Refused
from diptych.index.opening import open_store
from diptych.retriever import Retriever
from tests.collection.conftest import SETTINGS
from tests.index import servers_milvus, servers_postgresql

from .conftest import NDJSON, QUERY, Made, fault, png, told
from .processes import Process, nginx, processes

pytestmark = pytest.mark.slow
