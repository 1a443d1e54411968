"""`python -m bench.fetch [NAME …] [--to FOLDER]`: get the public data sets that benchmarks read.

Each set is fetched from the repository that `bench.parts.sets.sources` names, converted to JSON Lines, and compared by
SHA-256 with the files that the published figures were measured on. Where a digest differs the rows are kept and the
line says so: figures measured on them may differ a little.

How far the converters were checked. No set was fetched over a network when this was written, and none was converted
from whole raw files. They were held against single pages of these, read by eye.

- Financial PhraseBank: the rule of the split puts the 85 sentences that were seen on the right side, and there is an
  order of all rows that it parts as measured on. One of its four raw files was seen.
- Few-NERD: the rule of the samples picks the right ones of 98 sentences of two files. The third was not seen.
- MultiDoGO: 113 turns of one file become the 20 rows measured on.
- WNUT-17: the development file is as long as its rows written back. The other two were not seen.
- Gold headlines, CFPB complaints, Banking77 (test): the form of the file, and single rows.
- CLINC150: `domains.json` alone. Its main file was not seen, only the end of a smaller one beside it.

So the digests may yet differ where the gold headlines' broken dates are mended (one such row was seen).
"""

import argparse
import csv
import shlex
import sys
from pathlib import Path

from bench.parts.public_data import data_folder
from bench.parts.sets.download import GITHUB, download
from bench.parts.sets.errors import FetchError, SourceChanged, UnknownSet
from bench.parts.sets.folder import as_measured, encode, read_files, write_set
from bench.parts.sets.rows import Splits
from bench.parts.sets.sources import SOURCES, Source

# What a converter meets in a file of another form. A bug in it looks the same, and its cause is kept.
UNEXPECTED = (ValueError, LookupError, TypeError, AttributeError, RecursionError, csv.Error)


def main(arguments: list[str] | None = None) -> None:
    """Parse the arguments, fetch, and say what to type next. Exits with 1 where a set could not be had."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.fetch", description="Get the public data sets that benchmarks read."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"sets to get; all by default: {', '.join(SOURCES)}")
    parser.add_argument("--to", type=Path, default=data_folder(), metavar="FOLDER", help="default: %(default)s")
    parser.add_argument("--base", default=GITHUB, metavar="ADDRESS", help="another server of the same files")
    options = parser.parse_args(arguments)
    folder = options.to.resolve()
    try:
        n_missing = fetch_all(options.names, folder, options.base)
    except FetchError as error:
        sys.exit(str(error))
    print(f"\nNext: FSL_BENCH_DATA={shlex.quote(str(folder))} python -m bench fewshot", flush=True)
    if n_missing:
        sys.exit(f"{n_missing} of the sets could not be had; benchmarks that read them will not run.")


def fetch_all(names: list[str], folder: Path, base: str) -> int:
    """Fetch the sets, all where none is named, one line for each, and return how many could not be had.

    Raises:
        FetchError: a fault that would meet every other set too.
    """
    unknown = tuple(name for name in names if name not in SOURCES)
    if unknown:
        raise UnknownSet(unknown, tuple(SOURCES))
    n_missing = 0
    for name in names or SOURCES:
        try:
            print(f"{name}: {fetch(name, SOURCES[name], folder, base)}", flush=True)
        except FetchError as error:
            if error.ends_all:
                raise
            print(f"{name}: {error}", file=sys.stderr, flush=True)
            n_missing += 1
    return n_missing


def fetch(name: str, source: Source, folder: Path, base: str) -> str:
    """Fetch one set unless it is there, and return what is to be said of it."""
    target, licence = folder / name, f"Licence: {source.licence}."
    if as_measured(read_files(target, source.measured), source.measured):
        return f"there already, as measured. {licence}"
    raw = {path: download(base, source.repository, source.commit, path) for path in source.paths}
    splits = convert(name, source, raw)
    files = encode(splits)
    state = "" if write_set(target, files) else "there already, "
    if as_measured(files, source.measured):
        counts = ", ".join(f"{split} {len(rows):,}" for split, rows in splits.items())
        return f"{state}{counts} rows, as measured. {licence}"
    counts = ", ".join(
        f"{split} {len(rows):,} (measured on {source.measured[split].n_rows:,})" for split, rows in splits.items()
    )
    return (
        f"{state}{counts} rows; rows differ from those the figures were measured on: figures may differ a little. "
        f"{licence}"
    )


def convert(name: str, source: Source, raw: dict[str, bytes]) -> Splits:
    """Return the rows of a set.

    Raises:
        SourceChanged: the raw files have another form than the converter knows.
    """
    try:
        splits = source.convert(raw)
    except UNEXPECTED as error:
        raise SourceChanged(name, source.repository, f"{type(error).__name__}: {str(error)[:120]}") from error
    empty = [split for split in source.measured if not splits.get(split)]
    if empty:
        raise SourceChanged(name, source.repository, f"no row for {', '.join(empty)}")
    return splits


if __name__ == "__main__":
    main()
