"""The C sources without Python: compiled plainly here, under sanitizers and with several compilers by .ci/run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parent / "c" / "run.py"
COMPILER = os.environ.get("CC", "gcc").split()[0]

if shutil.which(COMPILER):  # a machine that only runs the wheel may have none

    def test_c_programs():
        done = subprocess.run([sys.executable, RUN, "--quick", "--cc", COMPILER], capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        ran = {line.split()[0] for line in done.stdout.splitlines()}
        assert ran == {path.stem.removeprefix("test_") for path in RUN.parent.glob("test_*.c")}
