"""Answer recommendations over REST: `selera serve`."""

from selera.programs import start

if __name__ == "__main__":
    start("app.py")
