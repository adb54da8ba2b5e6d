# SPDX-License-Identifier: Apache-2.0
"""The command line: ``python -m localcluster COMMAND``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from localcluster.cluster import DEFAULT_NAME, Cluster
from localcluster.engine import DELETED, EngineName
from localcluster.errors import LocalClusterError
from localcluster.images import NAMES, ensure_archives
from localcluster.kindhost.options import IMAGE_VARIABLE, WORKERS_VARIABLE
from localcluster.progress import OnConsole
from localcluster.tools import ensure_actionlint, ensure_flux, ensure_kind_tools, ensure_tools

_DESCRIPTION = """\
Local Kubernetes clusters for development and tests.

engines:
  native         a real node without Docker: containerd and the kubelet in namespaces of their own (root or sudo)
  kind           a kind cluster; Docker, kind and a node image are made where there are none (root or sudo)
  control-plane  API server, etcd and controllers on loopback; pods are never run (no root)
"""

_EPILOG = """\
Your own kubeconfig and current context are never touched:
  export KUBECONFIG=$(python -m localcluster kubeconfig)

State is kept under MLOPS_LOCALCLUSTER_HOME (default: $XDG_STATE_HOME or ~/.local/state, mlops-localcluster),
built programs and images under $XDG_CACHE_HOME or ~/.cache, mlops-localcluster.
"""


_TOOL_SETS = {
    "cluster": ensure_tools,
    "kind": ensure_kind_tools,
    "flux": ensure_flux,
    "actionlint": ensure_actionlint,
}


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="python -m localcluster",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default=DEFAULT_NAME, help="the cluster's name (default: %(default)s)")
    common.add_argument(
        "--engine",
        choices=[engine.value for engine in EngineName],
        help="engine (default: that of the cluster; for a new one kind if Docker and kind are installed, else native)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, parents=[common], help=text, description=f"{text[0].upper()}{text[1:]}.")
        sub.set_defaults(run=run)
        return sub

    up = command("up", _up, "start the cluster, or what is missing of it")
    up.add_argument("--audit", action="store_true", help="write an audit log of every request")
    up.add_argument(
        "--no-fsync", action="store_true", help="disable fsync of etcd: faster, but a power failure loses data"
    )
    up.add_argument("--port", type=int, help="port of the API server (control-plane; default: a free one)")
    up.add_argument("--config", type=Path, help="kind: the cluster's configuration (default: kind-config.yaml)")
    up.add_argument(
        "--patch", type=Path, action="append", default=[], help="kind: a file of kubeadm patches to add; repeatable"
    )
    up.add_argument(
        "--image", dest="node_image", help=f"kind: the node image (default: {IMAGE_VARIABLE}, or kind's own)"
    )
    up.add_argument(
        "--workers",
        type=int,
        help=f"kind: number of worker nodes in addition to the control plane (default: {WORKERS_VARIABLE}, or none)",
    )
    command("down", _down, "end the cluster and remove everything of it")
    command("status", _status, "show what runs; exit code 1 unless everything does")
    load = command("load-image", _load_image, "make images usable by pods")
    load.add_argument(
        "image",
        nargs="+",
        help=f"path of an archive (OCI or Docker format), or a project image, built if needed: {', '.join(NAMES)}",
    )
    command("kubeconfig", _kubeconfig, "print the path of the cluster's kubeconfig")
    logs = command("logs", _logs, "print what a component has written")
    logs.add_argument("component", nargs="?", help="component (default: list the components)")
    logs.add_argument("-f", "--follow", action="store_true", help="follow the log")

    command("clients", _clients, "print the folder of kubectl and Helm for the cluster")
    tools = commands.add_parser("tools", help="build the programs if needed, and print their folder")
    tools.add_argument(
        "set",
        nargs="?",
        choices=_TOOL_SETS,
        default="cluster",
        help="of a native cluster (the default), of kind, Flux, or actionlint, both for tests",
    )
    tools.set_defaults(run=_tools)
    images = commands.add_parser("images", help="build the project's images if they changed, and print their archives")
    images.add_argument("image", nargs="*", help=f"of {', '.join(NAMES)}; all by default")
    images.set_defaults(run=_images)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Problems go to standard error with what to do about them."""
    options = build_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except LocalClusterError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        print("interrupted; `up` continues, `down` cleans up", file=sys.stderr)
        return 130


def _cluster(options: argparse.Namespace) -> Cluster:
    return Cluster(
        options.name,
        options.engine,
        audit=getattr(options, "audit", False),
        fsync=not getattr(options, "no_fsync", False),
        port=getattr(options, "port", None),
        config=getattr(options, "config", None),
        patches=getattr(options, "patch", ()),
        image=getattr(options, "node_image", None),
        workers=getattr(options, "workers", None),
        progress=OnConsole(),
    )


def _up(options: argparse.Namespace) -> int:
    started = time.monotonic()
    cluster = _cluster(options)
    cluster.up()
    print(f"cluster {cluster.name} is up after {time.monotonic() - started:.1f} s", file=sys.stderr)
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    return 0


def _down(options: argparse.Namespace) -> int:
    _cluster(options).down()
    return 0


def _status(options: argparse.Namespace) -> int:
    rows = _cluster(options).status()
    if not rows:
        print(f"there is no cluster named {options.name}; `up` makes one", file=sys.stderr)
        return 1
    table = Table(title=f"cluster {options.name}", title_justify="left")
    for heading in ("component", "pid", "state", "since"):
        table.add_column(heading)
    for row in rows:
        since = datetime.fromtimestamp(row.since).strftime("%Y-%m-%d %H:%M:%S") if row.since else ""
        style = "green" if row.healthy else "red"
        table.add_row(row.component, str(row.pid or ""), f"[{style}]{row.state}[/{style}]", since)
    Console().print(table)
    if all(row.state == DELETED for row in rows):
        print(f"cluster {options.name} was deleted without this tool; `up` makes it again", file=sys.stderr)
    return 0 if all(row.healthy for row in rows) else 1


def _load_image(options: argparse.Namespace) -> int:
    cluster = _cluster(options)
    for reference in cluster.load_images(options.image):
        print(reference)
    return 0


def _kubeconfig(options: argparse.Namespace) -> int:
    print(_cluster(options).existing_kubeconfig())
    return 0


def _clients(options: argparse.Namespace) -> int:
    print(_cluster(options).clients())
    return 0


def _logs(options: argparse.Namespace) -> int:
    cluster = _cluster(options)
    if options.component is None:
        print("\n".join(cluster.engine().components()))
        return 0
    path = cluster.log_file(options.component)
    if options.follow:
        return subprocess.run(["tail", "-n", "+1", "-F", str(path)], check=False).returncode
    sys.stdout.write(cluster.logs(options.component))
    return 0


def _tools(options: argparse.Namespace) -> int:
    print(_TOOL_SETS[options.set](OnConsole()))
    return 0


def _images(options: argparse.Namespace) -> int:
    for archive in ensure_archives(options.image or NAMES, OnConsole()):
        print(archive)
    return 0
