"""Surprise's algorithms with their own defaults on one fold a line.

On stdin: {"algorithm": "svd" or "svdpp", "fold": k, "seed": s}.
"""

import json
import sys
import time

import numpy as np
from surprise import SVD, Dataset, Reader, SVDpp

ratings = np.load(sys.argv[1])
users, items, stars, folds = (ratings[name] for name in ("users", "items", "stars", "folds"))
reader = Reader(rating_scale=(1, 5))

for line in sys.stdin:
    question = json.loads(line)
    train = folds != question["fold"]
    raw = [
        (int(u), int(i), float(r), None)
        for u, i, r in zip(users[train], items[train], stars[train], strict=True)
    ]
    trainset = Dataset(reader).construct_trainset(raw)
    if question["algorithm"] == "svd":
        model = SVD(random_state=question["seed"])
    else:
        model = SVDpp(random_state=question["seed"], cache_ratings=True)
    started = time.perf_counter()
    model.fit(trainset)
    seconds = time.perf_counter() - started
    held_out = zip(users[~train], items[~train], stars[~train], strict=True)
    errors = np.array([model.predict(int(u), int(i)).est - r for u, i, r in held_out])
    answer = {
        "fit_seconds": seconds,
        "rmse": float(np.sqrt(np.mean(errors**2))),
        "mae": float(np.mean(np.abs(errors))),
    }
    print(json.dumps(answer), flush=True)
