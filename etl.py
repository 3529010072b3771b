"""Turn the shop's database into data-training.csv: `selera etl`."""

from selera.programs import start

if __name__ == "__main__":
    start("etl.py")
