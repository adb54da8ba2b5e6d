# SPDX-License-Identifier: Apache-2.0
"""Names of the environment variables and paths that every run's container gets.

They are part of the public contract: a training program in any language may read
them, so a name is never changed or given another meaning.
"""

from typing import Final

RUN_UID: Final = "MLOPS_RUN_UID"
"""Identity of this attempt; a result must carry it, so that no stale result is believed."""

RESULT_PATH: Final = "MLOPS_RESULT_PATH"
"""File to which the result document goes: the container's termination message."""

PARAMETERS: Final = "MLOPS_PARAMETERS"
"""All parameters as one JSON object, with their types kept."""

PARAMETER_PREFIX: Final = "MLOPS_PARAM_"
"""Each parameter alone, as a string: `learning_rate` becomes `MLOPS_PARAM_LEARNING_RATE`."""

DATA: Final = "MLOPS_DATA"
"""The data inputs as a JSON list of `{"name", "uri", "digest"?}`."""

HOLDOUT: Final = "MLOPS_HOLDOUT"
"""Rows that a training must not use, as the JSON object `{"key", "share"}`; see `mlops_workload.holdout`.

`key` is the UID of the Model, `share` the share of ids or groups that its gates hold out. Absent where no gate of
the Model uses recent rows."""

OUTPUT_URI: Final = "MLOPS_OUTPUT_URI"
"""Where this attempt's artifacts belong; no other attempt has the same. Absent where none are to be kept."""

PVC_ROOT: Final = "MLOPS_PVC_ROOT"
"""Folder under which `pvc://<claim>/...` is mounted, each claim under its own name."""

SEED: Final = "MLOPS_SEED"
"""Seed of the run, a non-negative integer; absent where none was asked for."""

ATTEMPT: Final = "MLOPS_ATTEMPT"
"""Number of the attempt, counted from 0."""

REPLICAS: Final = "MLOPS_REPLICAS"
"""Number of replicas that run together."""

REPLICA_INDEX: Final = "MLOPS_REPLICA_INDEX"
"""Index of this replica, from 0; only replica 0 reports a result."""

COORDINATOR: Final = "MLOPS_COORDINATOR"
"""DNS name of replica 0, for rendezvous; absent for a single replica."""

RENDEZVOUS_PORT: Final = "MLOPS_RENDEZVOUS_PORT"
"""TCP port on which replica 0 hears the others before the programs start, where the run's own `env` sets it; 0 for no
such port, and then replicas start when `COORDINATOR` resolves."""

GANG: Final = "MLOPS_GANG"
"""Identity of the pods that start together, the UID of their Job; only the container that waits gets it."""

EVALUATION: Final = "MLOPS_EVALUATION"
"""An evaluation's configuration, one JSON object."""

MONITOR: Final = "MLOPS_MONITOR"
"""A monitoring window's configuration, one JSON object."""

GOLDEN: Final = "MLOPS_GOLDEN"
"""A golden-request check's configuration, one JSON object."""

DEFAULT_RESULT_PATH: Final = "/dev/termination-log"
DEFAULT_PVC_ROOT: Final = "/mnt/pvc"
CONFIG_MAPS_ROOT: Final = "/mnt/config-maps"
"""Where the container that runs before a training sees the training's ConfigMaps, each in a folder of its name."""
DEFAULT_RENDEZVOUS_PORT: Final = 14641
"""Below the ports that Linux gives to outgoing connections, and none of a framework: theirs are free for the run."""
