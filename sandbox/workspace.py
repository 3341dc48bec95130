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


def make_workspace(project: Path, workspace: Path) -> Path:
    """Make `workspace` mirror `project` afresh: links to all it holds, copies of its stack files."""
    if workspace.exists():
        shutil.rmtree(workspace)
    workspace.mkdir(parents=True)
    for entry in project.iterdir():
        if entry.name.startswith(".") and entry.name != ".venv":
            continue
        if is_stack_file(entry):
            shutil.copy(entry, workspace / entry.name)
        else:
            (workspace / entry.name).symlink_to(entry.resolve())
    return workspace
