"""Answer recommendations over REST: `selera serve`."""

from selera.cli.main import program

if __name__ == "__main__":
    program("serve")
