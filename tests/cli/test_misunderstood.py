"""What is said of a command that is not understood: one sentence, which names what is wrong."""

from __future__ import annotations

import pytest

from discobase.cli import main
from discobase.cli.exit_status import USAGE

INTEGER = "input should be a valid integer, unable to parse string as an integer"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("get User abc", f"PK cannot be 'abc': {INTEGER}."),
        ("get User 0", "PK cannot be '0': input should be greater than or equal to 1."),
        ("get User", "PK is missing."),
        ("find User -n x", f"--limit cannot be 'x': {INTEGER}."),
        (
            "find User --format xml",
            "--format cannot be 'xml': 'xml' is not one of 'table', 'jsonl', 'csv'.",
        ),
        ("find User --ordr age", "there is no option --ordr. Did you mean --order?"),
        ("find User --sever x", "there is no option --sever. Did you mean --server?"),
        ("find User --zzz", "there is no option --zzz."),
        (
            "serve --port 80000",
            "--port takes a number from 0 (any that is free) to 65535, not '80000'.",
        ),
        ("serve --port", "--port: expected one argument."),
        ("serve --limits some", "--limits takes none or discord, not 'some'."),
        (
            "serve --latency 2,1",
            "--latency takes one number of seconds, or two with a comma, rising, not '2,1'.",
        ),
        ("serve --prot=1", "there is no option --prot=1. Did you mean --port?"),
        ("demo again", "'again' stands where nothing is expected."),
    ],
)
def test_what_is_wrong_is_one_sentence(typed, told, capsys):
    try:
        status = main(typed.split())
    except SystemExit as ended:  # argparse ends the process by itself
        status = ended.code
    assert status == USAGE
    output, errors = capsys.readouterr()
    help_of = typed.partition(" ")[0]
    assert (output, errors) == ("", f"discobase: {told} (See discobase {help_of} --help.)\n")


def test_a_command_that_there_is_not_is_told_with_the_nearest(capsys):
    assert main(["fnid", "User"]) == USAGE
    told = "No such command 'fnid'. Did you mean 'find'? (See discobase --help.)"
    assert capsys.readouterr().err == f"discobase: {told}\n"
