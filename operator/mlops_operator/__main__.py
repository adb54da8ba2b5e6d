# SPDX-License-Identifier: Apache-2.0
"""The command line: `mlops-operator run`."""

import argparse
import asyncio
import gc
import logging
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mlops_operator import __version__
from mlops_operator.kube.config import ConfigError, load_config
from mlops_operator.runtime.cache.informer import RESYNC
from mlops_operator.runtime.election import LeadershipLost
from mlops_operator.runtime.logs import FORMATS, configure_logging
from mlops_operator.runtime.manager import CONCURRENCY, LEASE_NAME, Manager, Options

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

logger = logging.getLogger("mlops_operator")


def duration(text: str) -> float:
    """Seconds in a duration like `90s`, `10m` or `1h30m`."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"expected a duration such as 90s, 10m or 1h30m, found {text!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def at_least_one(text: str) -> int:
    """A whole number that is at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number, at least 1, found {text!r}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="mlops-operator",
        description="Kubernetes operator for training, evaluating, deploying and monitoring models.",
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the operator", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    run.add_argument(
        "--kubeconfig", type=Path, help="path of a kubeconfig file (default: the service account of the pod)"
    )
    run.add_argument("--context", help="context of the kubeconfig")
    run.add_argument(
        "--namespace", action="append", default=[], dest="namespaces", metavar="NAME",
        help="namespace to watch; can be repeated (default: all namespaces)",
    )  # fmt: skip
    run.add_argument(
        "--leader-elect", action=argparse.BooleanOptionalAction, default=True,
        help="run leader election; only the leader reconciles",
    )  # fmt: skip
    run.add_argument("--leader-elect-namespace", help="namespace of the Lease (default: the operator's own)")
    run.add_argument("--leader-elect-name", default=LEASE_NAME, help="name of the Lease")
    run.add_argument(
        "--metrics-bind-address", default=":8080", help="address (host:port) of /healthz, /readyz and /metrics"
    )
    run.add_argument(
        "--object-metrics-bind-address", metavar="ADDRESS",
        help="address (host:port) of the metrics per object, which name namespaces and objects (default: not served)",
    )  # fmt: skip
    run.add_argument("--resync", type=duration, default=RESYNC, help="full resync interval")
    run.add_argument(
        "--concurrency", type=at_least_one, default=CONCURRENCY, help="maximum number of concurrent reconciles"
    )
    run.add_argument("--log-format", choices=FORMATS, default="json", help="format of the log on standard error")
    run.add_argument(
        "--log-level", default="info", choices=("debug", "info", "warning", "error"), help="minimum log level"
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the process's exit code."""
    given = parser().parse_args(arguments)
    configure_logging(level=given.log_level, format=given.log_format)
    try:
        return asyncio.run(_run(given))
    except ConfigError as error:
        logger.error("no usable configuration", extra={"error": str(error)})  # noqa: TRY400 - the message is complete
        return 2


async def _run(given: argparse.Namespace) -> int:
    from mlops_operator.controllers import all_controllers
    from mlops_operator.controllers.settings import Settings
    from mlops_operator.controllers.telemetry.telemetry import ObjectTelemetry

    options = Options(
        namespaces=tuple(given.namespaces),
        leader_elect=given.leader_elect,
        lease_namespace=given.leader_elect_namespace,
        lease_name=given.leader_elect_name,
        metrics_address=given.metrics_bind_address,
        object_metrics_address=given.object_metrics_bind_address,
        resync=given.resync,
        concurrency=given.concurrency,
    )
    manager = Manager(
        load_config(given.kubeconfig, context=given.context),
        all_controllers(Settings.from_environment(os.environ)),
        options,
        telemetry=ObjectTelemetry(objects=options.object_metrics_address is not None),
    )
    manager.on_signals(signal.SIGTERM, signal.SIGINT)
    # What is there now stays: code, classes, metrics. Garbage collections need not go over it again and again.
    gc.collect()
    gc.freeze()
    try:
        await manager.run()
    except LeadershipLost as error:
        logger.error("leadership lost", extra={"error": str(error)})  # noqa: TRY400 - a fact, not a fault
        return 1
    except Exception:
        logger.exception("the operator failed")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
