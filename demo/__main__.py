"""`python -m demo`: set everything up and tell the story. `make demo` calls it."""

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console

from demo import report
from demo.platform import Platform
from demo.story import NAMESPACE, Story
from localcluster import LocalClusterError
from localcluster.kubectl import WaitTimeoutError
from localcluster.progress import OnConsole

OUTPUT = Path("demo-output")
WIDTH = 120  # columns where the output is no terminal: the table needs room


def main() -> int:
    """Run the demonstration; the exit code is 0 where all of it succeeded."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="The whole loop on real pods.")
    parser.add_argument("--cluster", default="mlops", help="name of the local cluster (default: mlops)")
    parser.add_argument("--engine", choices=["native", "kind"], help="default: kind where Docker and kind are")
    parser.add_argument("--no-story", action="store_true", help="only the cluster with the operator in it")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"folder of the picture (default: {OUTPUT})")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    started = time.monotonic()
    platform = Platform(arguments.cluster, engine=arguments.engine, progress=OnConsole(console))
    try:
        platform.up()
        if not arguments.no_story:
            tell(platform, console, arguments.output)
    except (LocalClusterError, WaitTimeoutError) as error:
        console.print(f"[red]✗[/red] {type(error).__name__}:", error, markup=True)
        return 1
    report.look_around(console, kubectl=f"{platform.kubectl.binary} --kubeconfig {platform.cluster.kubeconfig}")
    console.print(f"\nAll of it took {time.monotonic() - started:.0f} s.")
    return 0


def tell(platform: Platform, console: Console, output: Path) -> None:
    """Run the story, print its table and draw its picture."""
    with platform.progress.step("make room for the story"):
        platform.kubectl.run("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true", timeout=180)
    story = Story(platform.kubectl, platform.progress)
    story.run()
    report.print_table(console, story.steps)
    from demo.picture import draw  # matplotlib takes a second to load: only where a picture is drawn

    path = output / "digits.png"
    draw(story.client_lines(), story.steps, path)
    console.print(f"\nPicture: {path}")


if __name__ == "__main__":
    sys.exit(main())
