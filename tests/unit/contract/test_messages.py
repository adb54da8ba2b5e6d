# SPDX-License-Identifier: Apache-2.0
"""What is reported on mounted ConfigMaps: one digest, or nothing."""

import pytest

from mlops_contract.messages import config_maps_digest, config_maps_message

DIGEST = f"sha256:{'0a' * 32}"


def test_the_digest_that_is_reported_is_read() -> None:
    assert config_maps_digest(config_maps_message(DIGEST)) == DIGEST


@pytest.mark.parametrize(
    "message",
    [
        *(None, 7, "", "x", "[]", "{}", f'{{"other": "{DIGEST}"}}'),
        *(config_maps_message(text) for text in ("sha256:abc", DIGEST[:-1], f"{DIGEST}0", DIGEST.upper())),
        *(f'{{"configMaps": {value}}}' for value in ("1", "null", f'["{DIGEST}"]')),
    ],
)
def test_any_other_message_has_no_digest(message: object) -> None:
    assert config_maps_digest(message) is None
