"""How programs are run: logs, signals once, time limits. With real processes."""

import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest
from hcl_files import ROOT
from puna.ground.causes import errors_of
from puna.ground.commands import Commands, GroundError, words_of

# Says when it listens, ends on the first SIGINT after having said so; a second would show.
PATIENT = """
import signal, sys, time
heard = []
signal.signal(signal.SIGINT, lambda *_: heard.append(1))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(99))
print('listening', flush=True)
while not heard: time.sleep(0.01)
time.sleep(0.3)
print(f'heard {len(heard)}', flush=True)
sys.exit(1)
"""
RUNNER = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
from puna.ground.commands import Commands, Interrupted
commands = Commands(pathlib.Path(sys.argv[2]), dict(__import__('os').environ), lambda words: print(words, flush=True), beat_s=0.05)
commands.watch_signals()
try:
    commands.run('cluster', sys.executable, '-c', sys.argv[3])
except Interrupted as stopped:
    print('stopped by', stopped, flush=True)
    sys.exit(128 + stopped.number)
"""


@pytest.fixture
def commands(tmp_path):
    said = []
    made = Commands(tmp_path / "logs", dict(os.environ), said.append, beat_s=0.05)
    made.said = said
    return made


def python(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


def test_everything_is_in_the_log_and_the_end_is_handed_back(commands):
    done = commands.run("network", *python("print('one'); import sys; print('two', file=sys.stderr); sys.exit(3)"))
    assert done.code == 3 and set(done.output.splitlines()) == {"one", "two"}
    log = commands.log_of("network").read_text()
    assert "one\n" in log and "two\n" in log and "sys.exit(3)" in log


def test_a_second_run_is_added_to_the_log(commands):
    for number in range(2):
        commands.run("network", *python(f"print('run {number}')"))
    assert "run 0" in commands.log_of("network").read_text() and "run 1" in commands.log_of("network").read_text()


def test_progress_is_said_meanwhile(commands):
    commands.run("network", *python("import time; print('still creating', flush=True); time.sleep(0.4)"))
    assert any("still creating" in one for one in commands.said)


def test_what_takes_too_long_is_told_to_stop_and_keeps_its_word(commands):
    done = commands.run("network", *python(PATIENT), limit_s=1)
    assert done.timed_out and done.output.splitlines()[-1] == "heard 1"


def test_output_without_end_of_line_is_not_lost(commands):
    assert commands.run("network", *python("import sys; sys.stdout.write('no end')")).output == "no end"


def test_a_question_keeps_errors_apart(commands):
    done = commands.ask(*python("import sys; print('{}'); print('warning', file=sys.stderr)"))
    assert (done.output, done.errors) == ("{}", "warning")


def test_a_question_without_an_answer_ends(commands):
    assert commands.ask(*python("import time; time.sleep(60)"), limit_s=0.2).timed_out


def test_standard_input_is_given(commands):
    assert commands.run("x", *python("print(input())"), stdin="given\n").output == "given"


def test_a_program_that_is_not_there(commands):
    with pytest.raises(GroundError, match="no-such-program cannot be started"):
        commands.run("x", "no-such-program")


def test_a_log_that_cannot_be_written_stops_before_anything_begins(commands):
    commands.logs.mkdir()
    commands.log_of("full").symlink_to("/dev/full")
    with pytest.raises(GroundError, match="cannot be written"):
        commands.run("full", *python("open('made', 'w')"))
    assert not pathlib.Path("made").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_handed_on_once_and_waited_for(tmp_path, number):
    process = subprocess.Popen([sys.executable, "-c", RUNNER, str(ROOT / "python"), str(tmp_path), PATIENT],
                               stdout=subprocess.PIPE, text=True, start_new_session=True)
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if "listening" in line and len(lines) < 50:
            # To the whole group and again, as an impatient person with Ctrl-C would.
            os.killpg(process.pid, number)
            threading.Timer(0.1, os.killpg, (process.pid, number)).start()
            break
    rest = process.stdout.read()
    assert process.wait(20) == 128 + number
    assert "heard 1" in (tmp_path / "cluster.log").read_text()
    assert f"stopped by {signal.Signals(number).name}" in rest and "keeps what it has made" in rest


def test_the_part_that_says_what_failed():
    output = "aws_vpc.this: Creating...\n╷\n│ Error: creating VPC: limit\n│ \n│   with module.network.aws_vpc.this,\n╵\n"
    assert errors_of(output) == "Error: creating VPC: limit\n  with module.network.aws_vpc.this,"
    assert errors_of("just\nlines\n") == "just\nlines"


def test_durations():
    assert [words_of(one) for one in (3.2, 60, 615)] == ["3 s", "1 min 00 s", "10 min 15 s"]
