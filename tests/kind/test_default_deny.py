# SPDX-License-Identifier: Apache-2.0
"""The story of examples/digits in a namespace that denies by default, with the documented policies and no more."""

import pytest

from demo.platform import ROOT, Platform
from demo.story import NAMESPACE, Story

pytestmark = [pytest.mark.deep, pytest.mark.timeout(1800)]

POLICIES = ROOT / "examples/network-policies.yaml"


def test_the_story_runs_with_the_documented_policies(platform: Platform, story: Story) -> None:
    story.make_namespace()
    space = platform.kubectl.in_namespace(NAMESPACE)
    space.run("apply", "--server-side", "-f", str(POLICIES))
    story.run()
    figures = story.figures("Promote the better version again")
    assert figures["failed"] == 0
    assert figures["sent"] > 0
