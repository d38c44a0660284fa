"""`python -m graphwright`, which is also what `torchrun -m graphwright` starts."""

from graphwright.cli import main

if __name__ == "__main__":
    main()
