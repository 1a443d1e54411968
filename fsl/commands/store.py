"""`fsl store`: the store itself, and everything that lies in it."""

import typer

from fsl.commands import store_data

app = typer.Typer(help="The store, and everything that lies in it.", no_args_is_help=True)
store_data.register(app)
