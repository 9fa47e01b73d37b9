"""``bridge run``: the daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from bridge.cli import frame


def run(
    ctx: typer.Context,
    now: Annotated[
        bool, typer.Option("--now", help="Run every link at once instead of spread over its first interval.")
    ] = False,
    config: frame.ConfigOption = None,
) -> None:
    """Run every link on its schedule and take in webhooks, until SIGTERM. A second signal does not wait."""
    loaded = frame.settings(ctx, config, daemon=True)
    from bridge.daemon import serve

    frame.run_async(serve(loaded, start_now=now))
