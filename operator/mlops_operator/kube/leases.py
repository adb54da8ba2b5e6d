# SPDX-License-Identifier: Apache-2.0
"""Leases (coordination.k8s.io/v1): a record of who leads, written only over the version that was read."""

from dataclasses import dataclass, replace
from datetime import datetime

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import NotFound
from mlops_operator.kube.resources import LEASES
from mlops_operator.kube.timestamps import micro_time


@dataclass(frozen=True, kw_only=True)
class LeaseRecord:
    """Who holds a lease, and since when.

    Attributes:
        holder: identity of the holder; empty when it was given back.
        duration: whole seconds for which the holder must not be displaced after a renewal.
        acquired: when the holder took it; MicroTime text, never interpreted here.
        renewed: when the holder last renewed it; likewise.
        transitions: how often it changed hands.
        resource_version: the version that was read; empty for a lease that does not exist yet.
    """

    holder: str
    duration: int
    acquired: str
    renewed: str
    transitions: int
    resource_version: str = ""

    def taken_by(self, identity: str, *, duration: int, now: datetime) -> "LeaseRecord":
        """The record after `identity` renews it or takes it over."""
        moment = micro_time(now)
        if identity == self.holder:
            return replace(self, duration=duration, renewed=moment)
        return replace(
            self,
            holder=identity,
            duration=duration,
            acquired=moment,
            renewed=moment,
            transitions=self.transitions + 1,
        )

    def released(self, *, now: datetime) -> "LeaseRecord":
        """The record after its holder released it: without a holder, so that another one can acquire it at once."""
        return replace(self, holder="", duration=1, renewed=micro_time(now))


def first_record(identity: str, *, duration: int, now: datetime) -> LeaseRecord:
    """The record with which `identity` creates the lease."""
    moment = micro_time(now)
    return LeaseRecord(holder=identity, duration=duration, acquired=moment, renewed=moment, transitions=0)


async def read_lease(client: Client, *, namespace: str, name: str) -> LeaseRecord | None:
    """The lease as it is now, or None if there is none."""
    try:
        return _record(await client.get(LEASES, namespace=namespace, name=name))
    except NotFound:
        return None


async def write_lease(client: Client, record: LeaseRecord, *, namespace: str, name: str) -> LeaseRecord:
    """Create the lease, or replace the version that `record` was derived from.

    Raises:
        AlreadyExists: another client created it first.
        Conflict: another client wrote it first.
    """
    manifest = LEASES.manifest(name=name, namespace=namespace)
    manifest["spec"] = {
        "holderIdentity": record.holder,
        "leaseDurationSeconds": record.duration,
        "acquireTime": record.acquired,
        "renewTime": record.renewed,
        "leaseTransitions": record.transitions,
    }
    if not record.resource_version:
        return _record(await client.create(LEASES, manifest))
    manifest["metadata"]["resourceVersion"] = record.resource_version
    return _record(await client.replace(LEASES, manifest))


def _record(lease: Manifest) -> LeaseRecord:
    spec = lease.get("spec") or {}
    return LeaseRecord(
        holder=spec.get("holderIdentity") or "",
        duration=spec.get("leaseDurationSeconds") or 0,
        acquired=spec.get("acquireTime") or "",
        renewed=spec.get("renewTime") or "",
        transitions=spec.get("leaseTransitions") or 0,
        resource_version=lease["metadata"]["resourceVersion"],
    )
