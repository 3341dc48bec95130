"""`python -m toolchain`: prints the path of the Pulumi CLI; progress and errors go to the standard error."""

import sys

from toolchain import ToolchainError, find_or_install_pulumi


def main() -> int:
    """The exit status: 0, 1 where no CLI is to be had, 130 after ctrl-C."""
    try:
        toolchain = find_or_install_pulumi(lambda line: print(line, file=sys.stderr, flush=True))
    except ToolchainError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; nothing unfinished is left behind", file=sys.stderr)
        return 130
    print(toolchain.pulumi)
    return 0


if __name__ == "__main__":
    sys.exit(main())
