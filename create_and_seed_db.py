"""Make the six tables of a shop and fill them with a simulated one: `selera seed`."""

from selera.programs import start

if __name__ == "__main__":
    start("create_and_seed_db.py")
