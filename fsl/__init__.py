"""fsl keeps small language models fit for their job, from a few labels.

This package is the library: it works in a notebook and knows no orchestrator. `tasks/` wraps it for Prefect and
`flows/` puts the tasks in order.
"""
