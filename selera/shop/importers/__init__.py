"""One module per public data set: its files become the six tables, and nothing is invented.

A fact that the data set does not tell stays NULL. Each module has one function,
`read(folder: Path) -> Imported`, which raises `DataError` where a file is missing or broken.
"""
