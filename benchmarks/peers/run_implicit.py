"""implicit's AlternatingLeastSquares (conjugate gradients, float32), one fit a line.

argv: the training pairs (.npz), the number of threads. On stdin: {"factors", "iterations", "alpha",
"regularization", "seed", "keep": a folder for the factors after each iteration, or null}. The
answer holds the seconds from the start of the fit to the end of each iteration, without the
keeping.
"""

import json
import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as the library advises: it has threads of its own

import numpy as np
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix


def fit(matrix, question):
    model = AlternatingLeastSquares(
        factors=question["factors"],
        regularization=question["regularization"],
        alpha=question["alpha"],
        iterations=question["iterations"],
        num_threads=int(sys.argv[2]),
        random_state=question["seed"],
    )
    seconds = []
    clock = {"started": time.perf_counter(), "kept": 0.0}

    def keep(iteration, *_):
        now = time.perf_counter()
        seconds.append(now - clock["started"] - clock["kept"])
        if question["keep"]:
            factors = {"users": model.user_factors, "items": model.item_factors}
            np.savez(f"{question['keep']}/{iteration + 1}.npz", **factors)
        clock["kept"] += time.perf_counter() - now

    model.fit(matrix, show_progress=False, callback=keep)
    return {"seconds": seconds}


train = np.load(sys.argv[1])
ones = np.ones(len(train["items"]), dtype=np.float32)
shape = len(train["indptr"]) - 1, int(train["n_items"])
observed = csr_matrix((ones, train["items"], train["indptr"]), shape=shape)
for line in sys.stdin:
    print(json.dumps(fit(observed, json.loads(line))), flush=True)
