"""Ray: connecting to a cluster, or starting one on this machine, and saying in a sentence what went wrong there.

What a worker is given (processors, GPUs, how many workers, growing between two numbers) are Ray's own options. Its
scheduler, its queues and its way of doing again what a dead worker had begun are Ray's.
"""

from diptych.cluster.asking import Cluster, Connected
from diptych.cluster.connecting import import_ray
from diptych.cluster.working import RETRIES

__all__ = ["RETRIES", "Cluster", "Connected", "import_ray"]
