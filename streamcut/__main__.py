"""``python -m streamcut``."""

from streamcut.cli import main

if __name__ == "__main__":
    main()
