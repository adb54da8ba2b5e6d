# SPDX-License-Identifier: Apache-2.0
"""F7: watches that end badly, on the real operator process."""
