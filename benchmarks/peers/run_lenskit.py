"""LensKit's ImplicitMFScorer (an exact Cholesky solution per row), one fit a line.

argv: the training pairs (.npz), the number of threads. On stdin: {"factors", "iterations", "alpha",
"regularization", "seed", "keep": a folder for the factors after each iteration, or null}. The
answer holds the seconds from the start of the fit to the end of each iteration, without the
keeping. `alpha` is its `weight`: what is seen weighs 1 + weight.
"""

import json
import os
import sys
import time

os.environ["LK_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = sys.argv[2]

import numpy as np
import pandas as pd
from lenskit.als import ImplicitMFScorer
from lenskit.data import from_interactions_df
from lenskit.training import TrainingOptions


def whole(embeddings, ids, n):
    """Embeddings of all n rows: 0 for those who are not in train."""
    factors = np.zeros((n, embeddings.shape[1]), dtype=np.float32)
    factors[ids] = embeddings
    return factors


def fit(dataset, n_users, n_items, question):
    scorer = ImplicitMFScorer(
        embedding_size=question["factors"],
        epochs=question["iterations"],
        regularization=question["regularization"],
        weight=question["alpha"],
    )
    seconds, kept = [], 0.0
    started = time.perf_counter()
    trainer = scorer.create_trainer(dataset, TrainingOptions(rng=question["seed"]))
    for iteration in range(question["iterations"]):
        trainer.train_epoch()
        now = time.perf_counter()
        seconds.append(now - started - kept)
        if question["keep"]:
            users = whole(scorer.user_embeddings, dataset.users.ids(), n_users)
            items = whole(scorer.item_embeddings, dataset.items.ids(), n_items)
            np.savez(f"{question['keep']}/{iteration + 1}.npz", users=users, items=items)
        kept += time.perf_counter() - now
    return {"seconds": seconds}


train = np.load(sys.argv[1])
n_users, n_items = len(train["indptr"]) - 1, int(train["n_items"])
rows = np.repeat(np.arange(n_users), np.diff(train["indptr"]))
data = from_interactions_df(pd.DataFrame({"user_id": rows, "item_id": train["items"]}))
for line in sys.stdin:
    print(json.dumps(fit(data, n_users, n_items, json.loads(line))), flush=True)
