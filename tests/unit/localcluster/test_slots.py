# SPDX-License-Identifier: Apache-2.0
"""Slots and the addresses that follow from them."""

from __future__ import annotations

import ipaddress
import itertools
from pathlib import Path

import pytest

from localcluster.errors import NoFreeSlot
from localcluster.native import network
from localcluster.native.addresses import SLOTS, Addresses
from localcluster.native.slots import Claim, Slots
from localcluster.process import ProcessIdentity
from localcluster.state import ClusterState


@pytest.fixture
def slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slots:
    monkeypatch.setattr(network, "routed", list)
    return Slots(tmp_path / "slots")


def cluster(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / "home" / name
    ClusterState(name, "native").save(folder)
    return folder


def test_no_two_slots_share_an_address() -> None:
    networks = [network for slot in range(SLOTS) for network in Addresses(slot).networks()]

    assert not [pair for pair in itertools.combinations(networks, 2) if pair[0].overlaps(pair[1])]


def test_the_names_of_the_last_slot_fit_into_the_kernel() -> None:
    assert len(Addresses(SLOTS - 1).device) <= 15


def test_addresses_lie_in_their_networks() -> None:
    addresses = Addresses(7)

    assert ipaddress.ip_address(addresses.machine) in addresses.link
    assert ipaddress.ip_address(addresses.node) in addresses.link
    assert ipaddress.ip_address(addresses.dns) in addresses.services
    assert ipaddress.ip_address(addresses.api_service) in addresses.services


def test_clusters_get_slots_of_their_own_and_keep_them(slots: Slots, tmp_path: Path) -> None:
    one, two = cluster(tmp_path, "one"), cluster(tmp_path, "two")

    assert (slots.claim(one), slots.claim(two), slots.claim(one)) == (0, 1, 0)


def test_a_released_slot_is_given_out_again_and_the_last_one_leaves_no_folder(slots: Slots, tmp_path: Path) -> None:
    one, two = cluster(tmp_path, "one"), cluster(tmp_path, "two")
    slots.release(slots.claim(one))

    assert slots.claim(two) == 0
    slots.release(0)
    assert not (tmp_path / "slots").exists()


def test_a_slot_whose_addresses_the_machine_uses_is_passed_over(
    slots: Slots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "routed", lambda: [ipaddress.IPv4Network("10.244.0.0/24")])

    assert slots.claim(cluster(tmp_path, "one")) == 1


def test_a_cluster_started_again_after_a_reboot_gets_its_former_slot(slots: Slots, tmp_path: Path) -> None:
    assert slots.claim(cluster(tmp_path, "one"), former=7) == 7


def test_a_slot_belongs_to_who_claimed_it_and_to_nobody_else(slots: Slots, tmp_path: Path) -> None:
    one, two = cluster(tmp_path, "one"), cluster(tmp_path, "two")
    slots.claim(one)

    assert slots.belongs_to(0, one)
    assert not slots.belongs_to(0, two)
    assert not slots.belongs_to(1, one)


def test_a_cluster_whose_former_slot_was_taken_meanwhile_is_told(slots: Slots, tmp_path: Path) -> None:
    slots.claim(cluster(tmp_path, "one"))

    with pytest.raises(NoFreeSlot, match="begins empty"):
        slots.claim(cluster(tmp_path, "two"), former=0)


def test_when_everything_is_taken_the_error_says_what_to_do(
    slots: Slots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "routed", lambda: [ipaddress.IPv4Network("10.0.0.0/8")])

    with pytest.raises(NoFreeSlot, match="What to do"):
        slots.claim(cluster(tmp_path, "one"))


def test_sweeping_removes_what_vanished_clusters_left_and_nothing_else(slots: Slots, tmp_path: Path) -> None:
    kept, lost = cluster(tmp_path, "kept"), cluster(tmp_path, "lost")
    node = ProcessIdentity(4711, 1, "boot", ("pause",))
    slots.claim(kept)
    slots.record(slots.claim(lost), lost, node)
    (lost / "cluster.json").unlink()
    removed: list[tuple[int, Claim]] = []

    slots.sweep(lambda slot, claim: removed.append((slot, claim)))

    assert removed == [(1, Claim(lost, node))]
    assert slots.claim(cluster(tmp_path, "new")) == 1
    assert slots.claim(kept) == 0


def test_a_claim_whose_leftovers_cannot_be_removed_is_kept(slots: Slots, tmp_path: Path) -> None:
    lost = cluster(tmp_path, "lost")
    slots.claim(lost)
    (lost / "cluster.json").unlink()

    def fail(_slot: int, _claim: Claim) -> None:
        raise RuntimeError("busy")

    with pytest.raises(RuntimeError):
        slots.sweep(fail)
    assert slots.claim(cluster(tmp_path, "new")) == 1
