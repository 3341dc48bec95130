"""`python -m toolchain`: prints where the Pulumi CLI is; progress goes to the standard error."""

import sys

from toolchain import ToolchainError, find_or_install_pulumi


def main() -> int:
    """The exit status: 0, or 1 with what is missing."""
    try:
        toolchain = find_or_install_pulumi(lambda line: print(line, file=sys.stderr, flush=True))
    except ToolchainError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(toolchain.pulumi)
    return 0


if __name__ == "__main__":
    sys.exit(main())
