"""Train anew whenever data-training.csv changes: `selera watch`."""

from selera.programs import start

if __name__ == "__main__":
    start("watcher.py")
