# SPDX-License-Identifier: Apache-2.0
"""What is generated from the models and the controllers' declarations: definitions, rights and the reference."""
