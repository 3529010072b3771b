"""Make the six tables of a shop and fill them with a simulated one: `selera seed`."""

from selera.cli.main import program

if __name__ == "__main__":
    program("seed")
