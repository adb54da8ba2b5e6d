# SPDX-License-Identifier: Apache-2.0
"""`python -m demo`: set up a cluster and run the demonstration. `make demo` calls it."""

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console

from demo import report
from demo.existing import ExistingPlatform, delivery_of
from demo.platform import Platform
from demo.story import Story
from localcluster import LocalClusterError
from localcluster.kubectl import WaitTimeoutError
from localcluster.progress import OnConsole, Progress

OUTPUT = Path("demo-output")
WIDTH = 120  # columns where the output is no terminal: the table needs room


def main() -> int:
    """Run the demonstration; the exit code is 0 where all of it succeeded."""
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Run the demonstration: train, promote, serve, monitor and retrain on real pods.",
    )
    parser.add_argument("--cluster", default="mlops", help="name of the local cluster (default: mlops)")
    parser.add_argument(
        "--engine",
        choices=["native", "kind", "existing"],
        help="engine of the cluster (default: kind if Docker and kind are installed)",
    )
    parser.add_argument("--no-story", action="store_true", help="only create the cluster and install the operator")
    existing = parser.add_argument_group("engine existing: a cluster that is already there")
    existing.add_argument("--context", default="", help="context of your kubeconfig")
    existing.add_argument(
        "--registry", help="registry to push the images to, with docker or podman; the nodes pull from it"
    )
    existing.add_argument(
        "--load-images", metavar="COMMAND", help="command to run for each image archive; {} is its path"
    )
    existing.add_argument("--down", action="store_true", help="remove the objects of the demonstration")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"folder of the picture (default: {OUTPUT})")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    started = time.monotonic()
    try:
        platform = platform_of(arguments, OnConsole(console))
        if arguments.down:
            platform.down()
            return 0
        platform.up()
        if not arguments.no_story:
            tell(platform, console, arguments.output)
    except (LocalClusterError, WaitTimeoutError) as error:
        console.print(f"[red]✗[/red] {type(error).__name__}:", error, markup=True)
        return 1
    report.look_around(console, kubectl=platform.command, clean_up=platform.clean_up)
    console.print(f"\nAll of it took {time.monotonic() - started:.0f} s.")
    return 0


def platform_of(arguments: argparse.Namespace, progress: Progress) -> Platform | ExistingPlatform:
    """What the story runs on.

    Raises:
        RefusedError: for an existing cluster, no way for images is named.
        NoPusherError: none is there.
    """
    if arguments.engine != "existing":
        return Platform(arguments.cluster, engine=arguments.engine, progress=progress)
    delivery = None if arguments.down else delivery_of(registry=arguments.registry, load_images=arguments.load_images)
    return ExistingPlatform(arguments.context, delivery, progress=progress)


def tell(platform: Platform | ExistingPlatform, console: Console, output: Path) -> None:
    """Run the story, print its table and draw its picture."""
    platform.make_room()
    story = Story(platform.kubectl, platform.progress, image=platform.image)
    story.run()
    report.print_table(console, story.steps)
    from demo.picture import draw  # matplotlib takes a second to load: only where a picture is drawn

    path = output / "digits.png"
    draw(story.client_lines(), story.steps, path)
    console.print(f"\nPicture: {path}")


if __name__ == "__main__":
    sys.exit(main())
