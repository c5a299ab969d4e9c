"""What the benches share: where they build, and what a program takes."""

import os
import pathlib
import re
import select
import subprocess
import sys
import time
import typing

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"
PEERS = BENCH / "peers"
BUILT = ROOT / "target" / "bench"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


class Used(typing.NamedTuple):
    seconds: float
    cpu: float
    mib: float


def run(*command, cwd=ROOT, **variables):
    subprocess.run([str(word) for word in command], cwd=cwd, check=True, env=os.environ | variables)


def build_trendy():
    run("cargo", "build", "--release", "--quiet", "--bin", "trendy")


def build_cargo(folder):
    run("cargo", "build", "--release", "--quiet", cwd=folder, CARGO_TARGET_DIR=str(BUILT / "cargo"))


def build_go(folder, binary, cgo=False):
    places = {"GOPATH": str(BUILT / "go"), "GOCACHE": str(BUILT / "go-cache"), "GOFLAGS": "-modcacherw"}
    run("go", "build", "-o", BUILT / binary, ".", cwd=folder, CGO_ENABLED=str(int(cgo)), **places)


def build_venv(name, requirements):
    """A virtual environment with what is required; one that was cut off while it was made is completed."""
    done = BUILT / name / "requirements.txt"
    if not done.exists() or done.read_bytes() != requirements.read_bytes():
        run(sys.executable, "-m", "venv", BUILT / name)
        run(BUILT / name / "bin/pip", "install", "--quiet", "-r", requirements)
        done.write_bytes(requirements.read_bytes())


def timed(command, folder, environment=None):
    """Runs a program to its end: what it took, and what it printed. One that fails ends the bench with its words."""
    with (folder / "out").open("w+") as out, (folder / "said").open("w+") as said:
        started = time.monotonic()
        child = subprocess.Popen([str(word) for word in command], cwd=folder, stdout=out, stderr=said, env=environment)
        try:
            mib = peak_memory(child.pid)
            _, status, used = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            child.wait()
            raise
        seconds = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said.seek(0)
        if child.returncode:
            sys.exit(f"{command[0]} ended with {child.returncode}:\n{out.read()}{said.read()}")
        return Used(seconds, used.ru_utime + used.ru_stime, mib), out.read()


def peak_memory(process):
    """Waits for a process to end; its largest resident set in MiB, as of its last 50 ms.

    `ru_maxrss` would not do: it counts what the child shared with the bench before it became another program.
    """
    peak = 0
    ended = os.pidfd_open(process)
    try:
        while True:
            status = pathlib.Path(f"/proc/{process}/status").read_text()
            if found := re.search(r"VmHWM:\s*(\d+) kB", status):
                peak = int(found[1])
            if select.select([ended], [], [], 0.05)[0]:
                return peak / 1024
    finally:
        os.close(ended)
