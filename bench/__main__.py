"""`python -m bench [NAME …] [--quick]`: run benchmarks and print their tables.

A full run writes its sections of docs/benchmarks.md and leaves the others as they are. Finished cells are kept under
bench/results/cells and not measured again; those of the long benchmarks are in the repository.
"""

import argparse
import os
import re
import signal
import sys
from importlib import import_module
from pathlib import Path

# Each a module with `run(*, quick) -> str`, which returns its section.
BENCHMARKS = (
    "loop",
    "intake",
    "intake_files",
    "registry",
    "gate",
    "gate_f1",
    "orchestration",
    "inference",
    "drift",
    "fewshot",
    "meta",
    "distill",
    "entities",
    "scope",
)
DOCS = Path(__file__).parents[1] / "docs" / "benchmarks.md"

HEAD = """# Benchmarks

Every figure here was printed by the command above it, on the machine that its section names. `make bench` runs them
all; finished cells are kept under `bench/results/cells`, so remove one to measure it again. Cells of benchmarks that
take hours are in the repository, with what they measured; `FSL_BENCH_CELLS` names the begins of those to measure now.
A GPU was not measured.
"""


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Run benchmarks and print their tables.")
    parser.add_argument("names", nargs="*", help="benchmarks to run; all by default")
    parser.add_argument("--quick", action="store_true", help="minutes instead of hours; writes nothing to docs/")
    options = parser.parse_args()
    # As an error, so that servers that a benchmark started end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Before torch is imported: threads that wait should sleep, or two busy processes slow each other down manyfold.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        sys.exit(f"there is no benchmark {', '.join(sorted(unknown))}. There are: {', '.join(BENCHMARKS)}")
    for name in [name for name in BENCHMARKS if not options.names or name in options.names]:
        section = import_module(f"bench.{name}").run(quick=options.quick)
        print(section)
        if not options.quick:
            page = DOCS.read_text(encoding="utf-8") if DOCS.exists() else HEAD
            DOCS.write_text(put_section(page, section), encoding="utf-8")


def put_section(page: str, section: str) -> str:
    """Return the page with the section that has the same heading replaced, or with the section at its end."""
    head, *sections = re.split(r"(?m)^(?=## )", page)
    heading = section.strip().partition("\n")[0]
    body = section.strip() + "\n"
    kept = [old.strip() + "\n" for old in sections]
    places = [place for place, old in enumerate(kept) if old.partition("\n")[0] == heading]
    if places:
        kept[places[0]] = body
    else:
        kept.append(body)
    return "\n".join([head.strip() + "\n", *kept])


if __name__ == "__main__":
    main()
