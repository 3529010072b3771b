"""`python -m selera` is `selera`."""

from selera.cli.main import main

if __name__ == "__main__":
    main()
