"""The kind of the baselines, which has no schema to speak of; see `crd.yaml`."""

from typing import Final

from mlops_operator.kube.resources import Resource

OBJECTS: Final = Resource("naive.example.com", "v1", "trainingjobs", "TrainingJob")
