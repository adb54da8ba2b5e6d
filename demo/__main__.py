"""`python -m demo`: set everything up and tell the story. `make demo` calls it."""

import argparse
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from demo import report
from demo.platform import Platform
from demo.story import Step, Story
from localcluster import LocalClusterError

OUTPUT = Path("demo-output")


class Narrator:
    """Shows the step that runs with a clock, and each finished one with its time."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._title = ""
        self._started = 0.0
        self._live: Live | None = None

    def begin(self, title: str) -> None:
        """A step begins; the one before it has ended."""
        self.end()
        self._title, self._started = title, time.monotonic()
        if self.console.is_terminal:
            self._live = Live(_Clock(title), console=self.console, refresh_per_second=4, transient=True)
            self._live.start()
        else:
            self.console.print(f"... {title}")

    def end(self) -> None:
        """The running step has ended."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._title:
            self.console.print(f"[green]✓[/green] {self._title:<72} {time.monotonic() - self._started:7.1f} s")
            self._title = ""

    def story(self, news: str | Step) -> None:
        """A step of the story begins or has ended."""
        if isinstance(news, str):
            self.begin(news)
        else:
            self.end()


class _Clock:
    """A spinner with the seconds since it was made."""

    def __init__(self, title: str) -> None:
        self._spinner = Spinner("dots")
        self._title = title
        self._started = time.monotonic()

    def __rich__(self) -> Spinner:
        self._spinner.update(text=Text(f"{self._title}  {time.monotonic() - self._started:.0f} s"))
        return self._spinner


def main() -> int:
    """Run the demonstration; the exit code is 0 where all of it succeeded."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="The whole loop on real pods.")
    parser.add_argument("--cluster", default="mlops", help="name of the local cluster (default: mlops)")
    parser.add_argument(
        "--engine", choices=["native", "kind"], help="default: kind where Docker and kind are, else native"
    )
    parser.add_argument("--no-story", action="store_true", help="only the cluster with the operator in it")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"folder of the picture (default: {OUTPUT})")
    arguments = parser.parse_args()
    console = Console()
    narrator = Narrator(console)
    started = time.monotonic()
    platform = Platform(arguments.cluster, engine=arguments.engine, announce=narrator.begin)
    try:
        platform.up()
        if not arguments.no_story:
            tell(platform, narrator, arguments.output)
    except LocalClusterError as error:
        console.print(f"[red]✗[/red] {error}")
        return 1
    finally:
        narrator.end()
    kubectl = f"{platform.kubectl.binary} --kubeconfig {platform.cluster.kubeconfig}"
    report.look_around(console, kubectl=kubectl)
    console.print(f"\nAll of it took {time.monotonic() - started:.0f} s.")
    return 0


def tell(platform: Platform, narrator: Narrator, output: Path) -> None:
    """Run the story, print its table and draw its picture."""
    platform.kubectl.run("delete", "namespace", "digits", "--ignore-not-found", "--wait=true", timeout=180)
    story = Story(platform.kubectl, narrator.story)
    story.run()
    narrator.console.print(report.table(story.steps))
    from demo.picture import draw  # matplotlib takes a second to load: only where a picture is drawn

    path = output / "digits.png"
    draw(story.client_lines(), story.steps, path)
    narrator.console.print(f"\nPicture: {path}")


if __name__ == "__main__":
    sys.exit(main())
