"""The `huimin` command: all that a person runs by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.cli import audit, campaigns, grants

app = typer.Typer(
    name="huimin",
    help="Huimin 惠民: consumption vouchers, and where every fen of them is.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

app.add_typer(campaigns.app, name="campaign")
app.add_typer(grants.app, name="grant")
app.add_typer(audit.app, name="audit")

OutOption = Annotated[
    Path, typer.Option("--out", "-o", help="Folder for the files; an earlier run's are replaced.")
]
PortOption = Annotated[
    int, typer.Option("--port", "-p", min=0, max=65_535, help="Port on 127.0.0.1; 0 picks one.")
]


@app.command(epilog="Example: [bold]huimin demo --out demo-out[/bold]")
def demo(out: OutOption = Path("demo-out")) -> None:
    """Play a whole campaign, from making it to returning its money / 演示完整活动.

    Everything runs in this process: the real functions behind a local gateway that verifies
    signatures, on an injected clock. The last line is "demo: OK", or the command fails.
    """
    from infra.local.demo.show import show_demo  # noqa: PLC0415 - moto loads for a second

    raise typer.Exit(show_demo(out))


@app.command(epilog="Example: [bold]huimin serve --port 8080[/bold]")
def serve(port: PortOption = 8080) -> None:
    """Keep the local stack up, seeded, with the API page / 启动本地环境.

    Prints three commands to try: a signed claim, a redemption, and a look at the report.
    """
    from infra.local.serve import serve_until_stopped  # noqa: PLC0415 - as above

    serve_until_stopped(port)


@app.command(epilog="Example: [bold]huimin synth[/bold]")
def synth() -> None:
    """Synthesize the CloudFormation template and the bundle into cdk.out/ / 生成部署模板."""
    from infra.synth import run  # noqa: PLC0415 - CDK starts a Node process

    run()


@app.command(epilog="Example: [bold]huimin openapi > openapi.json[/bold]")
def openapi() -> None:
    """Print the OpenAPI document of the API / 输出接口文档."""
    from infra.openapi import render_document  # noqa: PLC0415 - loads all functions

    typer.echo(render_document())


if __name__ == "__main__":
    app()
