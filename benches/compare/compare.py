"""Runs Evenkeel and its peers on the same files, compares what they wrote, prints a table with ratios."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

REFERENCE = "recompute, 8 customers in f64 lanes"

# Name, how it is run, and the most epochs it is given at 10,000 customers and below, at 100,000, and at 1,000,000
# (0: not run): engines that take seconds for an epoch are given few.
ENGINES = [
    (REFERENCE, "brute2", (1000, 1000, 1000)),
    ("recompute, flat columns", "brute", (1000, 1000, 200)),
    ("safe zones, prototype", "sz", (1000, 1000, 1000)),
    ("numpy, full recompute", "numpy", (1000, 200, 50)),
    ("polars, full recompute", "polars", (200, 50, 10)),
    ("DuckDB, full recompute", "duckdb", (100, 20, 5)),
    ("Bytewax around numpy, 2 workers", "bytewax", (500, 200, 30)),
    ("differential, one reduce, 2 workers", "dd-one", (200, 20, 3)),
    ("differential, textbook, 2 workers", "dd-reduce", (100, 10, 2)),
    ("DBSP, 2 workers", "dbsp", (50, 10, 2)),
    ("Pathway, 2 threads", "pathway", (20, 5, 0)),
    ("Flink, arrays in a broadcast operator, 2 slots", "flink", (1000, 200, 50)),
]
OURS = "Evenkeel, whole drift dataflow, 1 worker"
ALONE = "Evenkeel's monitor alone, 1 thread"
BESIDE = "Evenkeel, --drift-engine {}, 1 worker"


def say(text):
    print(f"compare: {text}", file=sys.stderr, flush=True)


def call(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


class Compare:
    def __init__(self, args):
        self.args = args
        self.work = Path(args.work)
        self.peers = self.work / "peers"
        self.target = self.work / "target"
        self.data = self.work / "data"
        self.built = set()

    def prepare(self):
        # A copy: builds write beside their sources.
        shutil.copytree(self.args.peers, self.peers, dirs_exist_ok=True)
        for path in [self.peers, *self.peers.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)
        sizes = [n for n in self.args.sizes if not (self.data / f"pos_{n}.bin").exists()]
        ticks = self.data / "ticks.bin"
        if sizes or not ticks.exists() or ticks.stat().st_size < self.args.epochs * 8000:
            say(f"generating {self.args.epochs} epochs for {self.args.sizes} customers")
            sizes = ",".join(map(str, self.args.sizes))
            call([sys.executable, self.peers / "gen.py", "--epochs", str(self.args.epochs), "--sizes", sizes,
                  "--text", "0", "--out", self.data])
        link = self.peers / "data"
        if not link.exists():
            link.symlink_to(self.data)
        say("building Evenkeel")
        call(["cargo", "build", "--release", "--locked", "-p", "evenkeel"])

    def crate(self, name):
        if name not in self.built:
            say(f"building {name}")
            # The reference is compiled for this very machine; our program is not.
            environment = {**os.environ, "RUSTFLAGS": "-C target-cpu=native", "CARGO_TARGET_DIR": str(self.target)}
            call(["cargo", "build", "--release"], cwd=self.peers / name, env=environment)
            self.built.add(name)

    def flink(self):
        """The class path of the Flink job, compiled where it is not yet; its jars come with a Python package."""
        import importlib.util

        if not shutil.which("javac"):
            raise RuntimeError("no javac: Flink needs a JDK, 17 or later")
        jars = Path(importlib.util.find_spec("pyflink").submodule_search_locations[0]) / "lib" / "*"
        classes = self.work / "flink"
        if not classes.exists():
            call(["javac", "-cp", str(jars), "-d", str(classes), self.peers / "flink" / "Drift.java"])
        return f"{classes}:{jars}"

    def command(self, kind, n, epochs, out):
        n, epochs, out = str(n), str(epochs), str(out)
        binary = self.target / "release"
        if kind in ("brute", "brute2"):
            self.crate("rs")
            return [binary / kind, n, epochs, out, self.data]
        if kind == "sz":
            self.crate("rs")
            return [binary / "sz", "group", n, epochs, out, f"dir={self.data}", "alpha=0.3", "delta=1"]
        if kind.startswith("dd-"):
            self.crate("dd-peer")
            return [binary / "dd-peer", kind[3:], n, epochs, out, "-w", "2"]
        if kind == "flink":
            opens = [f"--add-opens=java.base/java.{part}=ALL-UNNAMED" for part in ("util", "lang", "time")]
            return ["java", "-Xmx8g", *opens, "-cp", self.flink(), "Drift", n, epochs, out, "2"]
        if kind == "dbsp":
            self.crate("dbsp-peer")
            return [binary / "dbsp-peer", n, epochs, out, "2"]
        script = {"numpy": ["ref_numpy.py"], "polars": ["recompute_sql.py", "polars"],
                  "duckdb": ["recompute_sql.py", "duckdb"], "bytewax": ["peer_bytewax.py", "numpy"],
                  "pathway": ["peer_pathway.py"]}[kind]
        more = {"bytewax": ["2"], "pathway": ["1", "1"]}.get(kind, [])
        return [sys.executable, self.peers / script[0], *script[1:], n, epochs, out, *more]

    def peer(self, name, kind, n, epochs):
        out = self.work / f"{kind}-{n}.bin"
        say(f"{name}: {n} customers, {epochs} epochs")
        environment = {**os.environ, "PATHWAY_THREADS": "2", "PEERS_DATA": f"{self.data}/"}
        began = time.monotonic()
        said = call(self.command(kind, n, epochs, out), cwd=self.peers, env=environment, timeout=self.args.patience)
        lines = [line for line in said.splitlines() if line.startswith("{")]
        found = json.loads(lines[-1]) if lines else {"run_s": time.monotonic() - began}
        return {"name": name, "epochs": epochs, "out": out, "mean": found["run_s"] * 1e3 / epochs,
                # Bytewax tells when results leave, not how long an epoch takes.
                "p50": found.get("p50_ms") if kind != "bytewax" else None,
                "p99": found.get("p99_ms") if kind != "bytewax" else None}

    def ours(self, bench, n, epochs, against, against_epochs):
        out = self.work / f"evenkeel-{bench}-{n}.bin"
        say(f"Evenkeel, bench {bench}, beside its {against}: {n} customers, {epochs} epochs")
        program = Path(os.environ["CARGO_TARGET_DIR"]) / "release" / "evenkeel"
        said = call([program, "bench", bench, "--json", "--workload", self.data, "--customers", str(n), "--epochs",
                     str(epochs), "--against", against, "--against-epochs", str(against_epochs), "--out", out])
        found = json.loads(said)
        rows = []
        name = OURS if bench == "drift" else ALONE
        for name, times in [(name, found["ours"]), (BESIDE.format(against), found["against"])]:
            rows.append({"name": name, "epochs": times["epochs"], "out": out, "mean": times["mean_ms"],
                         "p50": times["p50_ms"], "p99": times["p99_ms"], "same": found["identical"]})
        return rows

    def identical(self, out, reference, epochs):
        check = [sys.executable, self.peers / "check.py", out, reference, str(epochs)]
        return subprocess.run(check, capture_output=True, cwd=self.peers, check=False).returncode == 0

    def size(self, n):
        place = 0 if n <= 10_000 else 1 if n <= 100_000 else 2
        wanted = self.args.only
        rows, reference = [], None
        for name, kind, most in ENGINES:
            epochs = min(most[place], self.args.epochs)
            if epochs == 0 or (wanted and kind not in wanted and kind != "brute2"):
                continue
            try:
                row = self.peer(name, kind, n, epochs)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                say(f"{name} failed: {error}")
                rows.append({"name": name, "failed": True})
                continue
            reference = reference or row["out"]
            row["same"] = self.identical(row["out"], reference, epochs)
            rows.append(row)
        # The textbook form of a million customers needs more memory than there is.
        against, most = [("textbook", 100), ("textbook", 10), ("sweep", self.args.epochs)][place]
        ours = self.ours("drift", n, self.args.epochs, against, min(most, self.args.epochs))
        alone = self.ours("monitor", n, self.args.epochs, "sweep", 1)[:1]
        for row in [ours[0], alone[0]]:
            row["same"] = row["same"] and self.identical(row["out"], reference, self.args.epochs)
        rows += alone
        return ours[:1] + rows[:1] + sorted(rows[1:], key=lambda row: row.get("mean", 1e99)) + ours[1:]


def table(n, rows):
    ours = rows[0]["mean"]
    number = lambda value: "–" if value is None else f"{value:,.3f}" if value < 10 else f"{value:,.1f}"
    print(f"\n{n:,} customers, epochs of 1,000 ticks\n")
    print("| | epochs | ms an epoch | p50 | p99 | ours is | output |\n|---|---|---|---|---|---|---|")
    for row in rows:
        if row.get("failed"):
            print(f"| {row['name']} | failed | | | | | |")
            continue
        ratio = row["mean"] / ours
        times = "–" if row is rows[0] else f"{ratio:,.2f} ×" if ratio < 10 else f"{ratio:,.0f} ×"
        same = "identical" if row["same"] else "**DIFFERENT**"
        print(f"| {row['name']} | {row['epochs']} | {number(row['mean'])} | {number(row['p50'])} | "
              f"{number(row['p99'])} | {times} | {same} |", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="benches/compare/run", description=__doc__)
    parser.add_argument("--work", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--peers", default="../shared/peers", type=Path, help="the folder of the peers")
    parser.add_argument("--customers", default="10000,100000", help="sizes, with commas between them")
    parser.add_argument("--epochs", default=1000, type=int, help="epochs of 1,000 ticks")
    parser.add_argument("--only", default="", help="peers to run, by their short names; the reference always is")
    parser.add_argument("--patience", default=1200, type=int, help="seconds after which a peer is given up")
    parser.add_argument("--list", action="store_true", help="say which peers there are")
    args = parser.parse_args()
    if args.list:
        for name, kind, _ in ENGINES:
            print(f"{kind:<12}{name}")
        return 0
    args.sizes = [int(size) for size in args.customers.split(",")]
    args.only = [name for name in args.only.split(",") if name]
    if not args.peers.is_dir():
        parser.error(f"{args.peers} is not a folder: name the peers' folder with --peers")
    args.peers = args.peers.resolve()
    compare = Compare(args)
    compare.prepare()
    good = True
    for n in args.sizes:
        rows = compare.size(n)
        table(n, rows)
        good &= all(row.get("same", False) for row in rows if not row.get("failed"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
