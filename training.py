"""Learn from data-training.csv and publish the model: `selera train`."""

from selera.programs import start

if __name__ == "__main__":
    start("training.py")
