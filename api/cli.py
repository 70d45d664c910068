"""The command `songwright`: serve, write, recommend, runs, migrate, doctor.

Knows commands and their options; what they do is in `api.cli_work`, imported only when a command runs, so that
help comes at once.
"""

from importlib import import_module
from typing import Annotated, Any

import typer

from songwright import __version__

app = typer.Typer(
    name="songwright",
    help="Songs and playlists from how you feel, by agents on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print the whole result as JSON and nothing else.")]
Model = Annotated[str | None, typer.Option(help="auto, embedded, ollama:NAME or provider:model.")]


def _work() -> Any:
    return import_module("api.cli_work")


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"songwright {__version__}")
        raise typer.Exit


@app.callback()
def _songwright(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind; SONGWRIGHT_APP__HOST otherwise.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to bind; 0 takes a free one.", min=0, max=65535)] = None,
) -> None:
    """Serve the page and the API until interrupted."""
    _work().serve(host=host, port=port)


@app.command()
def write(
    prompt: Annotated[str, typer.Argument(help="What the song is about.")],
    genre: Annotated[
        str | None, typer.Option(help="folk, pop, soul, …; any other gets verse, chorus, bridge.")
    ] = None,
    mood: Annotated[str | None, typer.Option(help="How it should feel.")] = None,
    structure: Annotated[str | None, typer.Option(help="A template, or sections: 'verse, chorus, verse'.")] = None,
    rhyme: Annotated[str | None, typer.Option(help="One letter a line of a stanza: ABAB.")] = None,
    syllables: Annotated[int | None, typer.Option(help="Syllables a line, 3 to 16.")] = None,
    seed: Annotated[int | None, typer.Option(help="Equal seeds and words give equal songs.")] = None,
    model: Model = None,
    review_plan: Annotated[bool, typer.Option("--review-plan", help="Show the plan first and wait.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a song."""
    body = {
        "prompt": prompt,
        "genre": genre,
        "mood": mood,
        "structure": structure,
        "rhyme": rhyme,
        "syllables": syllables,
        "seed": seed,
        "model": model,
        "review_plan": review_plan or None,
    }
    _work().perform("generate", body, as_json=as_json)


@app.command()
def recommend(
    text: Annotated[str, typer.Argument(help="How you feel, or what the music is for.")],
    count: Annotated[int | None, typer.Option(help="Tracks, 1 to 100.")] = None,
    arc: Annotated[str | None, typer.Option(help="match, lift, calm, energize, iso or direct.")] = None,
    catalogue: Annotated[str | None, typer.Option(help="The catalogue to choose from.")] = None,
    as_json: AsJson = False,
) -> None:
    """Recommend a playlist, with a reason for every track."""
    body = {"text": text, "count": count, "arc": arc, "catalogue": catalogue}
    _work().perform("recommend", body, as_json=as_json)


@app.command()
def runs(limit: Annotated[int, typer.Option(help="Most runs to list.", min=1, max=100)] = 20) -> None:
    """List the newest runs."""
    _work().list_runs(limit=limit)


@app.command()
def migrate(
    down: Annotated[
        str | None, typer.Option(metavar="REV", help="Go down to this revision; 'base' is empty.")
    ] = None,
) -> None:
    """Bring the database to the schema of this version, and print its revision."""
    _work().migrate(down=down)


@app.command()
def doctor() -> None:
    """Check every part; says what to do about each that is away."""
    _work().doctor()


def main() -> None:
    """Run the command line."""
    app()
