"""Train anew whenever data-training.csv changes: `selera watch`."""

from selera.cli.main import program

if __name__ == "__main__":
    program("watch")
