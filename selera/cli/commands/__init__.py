"""The commands: each parses, calls one function of a lower room, and formats what it returns.

Everything heavy is imported inside the functions, so that `--help` answers at once.
"""

from __future__ import annotations

import rich_click as click

from .answers import recommend, similar
from .doctor import doctor
from .erase import erase
from .etl import etl
from .evaluate import compare, evaluate
from .experiments import experiments
from .importing import import_dataset
from .keys import keys
from .models import models
from .run import run
from .seed import seed
from .serve import serve
from .train import train
from .tune import tune
from .watch import watch

COMMANDS: tuple[click.Command, ...] = (
    run,
    seed,
    import_dataset,
    etl,
    train,
    evaluate,
    compare,
    tune,
    watch,
    serve,
    recommend,
    similar,
    models,
    erase,
    keys,
    experiments,
    doctor,
)
"""All commands of the group `selera`."""
