"""Learn from data-training.csv and publish the model: `selera train`."""

from selera.cli.main import program

if __name__ == "__main__":
    program("train")
