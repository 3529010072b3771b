"""Nearest neighbors of other libraries: run_neighbors.py PEER TRAIN.npz LISTS.npz.

PEER is `implicit` (item-kNN by cosine, TF-IDF and BM25) or `rectools` (the same models behind its
own data set and evaluation classes). Prints fit and ranking seconds of each model as one JSON line
and writes the lists of 20 for every user, items of train left out. Neither has RP3beta.
"""

import json
import sys
import time

import numpy as np
from scipy.sparse import csr_matrix

N = 20
K = 500


def main(peer: str, train_path: str, lists_path: str) -> None:
    held = np.load(train_path)
    shape = len(held["indptr"]) - 1, int(held["n_items"])
    ones = np.ones(len(held["items"]), dtype=np.float32)
    train = csr_matrix((ones, held["items"], held["indptr"]), shape=shape)
    seconds, lists = {}, {}
    for name, model in models().items():
        fit = fit_implicit if peer == "implicit" else fit_rectools
        lists[name], seconds[name] = fit(model, train)
    np.savez(lists_path, **lists)
    print(json.dumps(seconds), flush=True)


def models():
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender

    return {
        "cosine": CosineRecommender(K=K),
        "tf-idf": TFIDFRecommender(K=K),
        "bm25": BM25Recommender(K=K),
    }


def fit_implicit(model, train):
    started = time.perf_counter()
    model.fit(train, show_progress=False)
    fitted = time.perf_counter()
    items, _ = model.recommend(
        np.arange(train.shape[0]), train, N=N, filter_already_liked_items=True
    )
    return items.astype(np.int32), taken(started, fitted)


def fit_rectools(model, train):
    import pandas as pd
    from rectools import Columns
    from rectools.dataset import Dataset
    from rectools.models import ImplicitItemKNNWrapperModel

    pairs = train.tocoo()
    columns = {Columns.User: pairs.row, Columns.Item: pairs.col, Columns.Weight: 1.0}
    dataset = Dataset.construct(pd.DataFrame(columns).assign(**{Columns.Datetime: "2020-01-01"}))
    wrapped = ImplicitItemKNNWrapperModel(model)
    started = time.perf_counter()
    wrapped.fit(dataset)
    fitted = time.perf_counter()
    frame = wrapped.recommend(np.unique(pairs.row), dataset, k=N, filter_viewed=True)
    seconds = taken(started, fitted)
    items = np.full((train.shape[0], N), -1, dtype=np.int32)
    items[frame[Columns.User], frame[Columns.Rank] - 1] = frame[Columns.Item]
    return items, seconds


def taken(started: float, fitted: float) -> dict:
    now = time.perf_counter()
    return {"fit_seconds": fitted - started, "ranking_seconds": now - fitted}


main(*sys.argv[1:])
