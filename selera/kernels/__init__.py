"""Numba loops over arrays: the only room that knows a compiler.

Kernels are free functions, `nogil`, single-threaded and cached; the trainers run them on disjoint
parts of the data in a thread pool, so that results do not depend on the number of threads. A helper
that a kernel calls lies in the same file: a cached kernel does not notice changes elsewhere. Each
kernel has a plain NumPy twin in the tests.
"""
