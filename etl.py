"""Turn the shop's database into data-training.csv: `selera etl`."""

from selera.cli.main import program

if __name__ == "__main__":
    program("etl")
