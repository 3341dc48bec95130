"""A working copy of the project for the engine, so that a run in the sandbox changes no file of the user's.

`pulumi stack init` and `pulumi up` write into Pulumi.<stack>.yaml (an `encryptionsalt`, and their own formatting).
The program itself is linked, not copied: it is the user's program that runs.
"""

import shutil
from pathlib import Path

PROJECT_FILE = "Pulumi.yaml"


def is_stack_file(path: Path) -> bool:
    """Whether a file is Pulumi.<stack>.yaml."""
    return path.name.startswith("Pulumi.") and path.suffix == ".yaml" and path.name != PROJECT_FILE


def stack_names(project: Path) -> list[str]:
    """The stacks that the project has a file for."""
    return sorted(path.stem.removeprefix("Pulumi.") for path in project.iterdir() if is_stack_file(path))


def make_workspace(project: Path, workspace: Path) -> Path:
    """Make `workspace` mirror `project`: links to all it holds, fresh copies of its stack files.

    What is there already stays, as another command may be running in it.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    mirrored = {entry.name: entry for entry in project.iterdir() if entry.name == ".venv" or entry.name[0] != "."}
    for there in workspace.iterdir():
        if there.is_symlink() and there.name not in mirrored:
            there.unlink()
    for name, entry in mirrored.items():
        mirror = workspace / name
        if is_stack_file(entry):
            shutil.copy(entry, mirror)
        elif not mirror.is_symlink():
            mirror.symlink_to(entry.resolve())
    return workspace
