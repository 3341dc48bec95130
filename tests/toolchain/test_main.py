"""`python -m toolchain`, as the Makefile runs it."""

from tests.toolchain.machine import Machine
from toolchain.build import BUILT_VERSION


def test_the_standard_output_is_the_path_alone_and_progress_goes_elsewhere(machine: Machine) -> None:
    machine.add_go()
    run = machine.start()
    output, said = run.communicate()
    assert run.returncode == 0
    assert output == f"{machine.cache / f'{BUILT_VERSION}-built' / 'bin' / 'pulumi'}\n"
    assert f"compiling pulumi {BUILT_VERSION}" in said


def test_without_a_cli_the_status_is_one_with_an_error_and_no_traceback(machine: Machine) -> None:
    run = machine.start()
    output, said = run.communicate()
    assert (run.returncode, output) == (1, "")
    assert "\nerror: no Pulumi CLI: " in said
    assert "Traceback" not in said
