"""`fsl data`: what came in, what did not, and what is to be done about it. Each part's verbs stand beside this file."""

import typer

from fsl.commands import data_batches, data_quarantine, data_retention

app = typer.Typer(help="Batches, labels and quarantine.", no_args_is_help=True)
app.command("ls")(data_batches.list_batches)
app.command("show")(data_batches.show_labels)
app.command("diff")(data_batches.show_diff)
app.command("quarantine")(data_quarantine.show_quarantine)
app.command("set-aside")(data_quarantine.set_file_aside)
app.command("retention")(data_retention.keep_no_longer)
