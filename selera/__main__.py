"""`python -m selera` is `selera`."""

from .programs import MODULE, start

if __name__ == "__main__":
    start(MODULE)
