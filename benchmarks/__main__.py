"""`python -m benchmarks [NAME ...]` measures all, or the named ones, into benchmarks/results."""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "explicit_svd",
    "bayes",
    "gowalla",
    "ials",
    "ease",
    "blend",
    "retailrocket",
    "ranking",
    "fold_in",
    "serving",
    "retrieval",
    "growth",
    "etl",
    "poison",
)


def main() -> int:
    """Run what the command line names."""
    names = sys.argv[1:] or NAMES
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"no benchmark {sorted(unknown)}; choose from: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        print(importlib.import_module(f"benchmarks.{name}").run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
