"""Ray: connect to a cluster or start one on this machine, and report its failures in one sentence.

The resources of workers (CPUs, GPUs, their number and autoscaling range) are Ray's own options, and Ray does the
scheduling, queueing and retrying.
"""

from diptych.cluster.asking import Cluster, Connected
from diptych.cluster.connecting import import_ray
from diptych.cluster.working import RETRIES

__all__ = ["RETRIES", "Cluster", "Connected", "import_ray"]
