"""The verbs that need flows, mounted in `flows.cli`; the library's own are in `fsl.commands`."""
