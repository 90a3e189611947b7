"""Solves the same portfolio problems with Evenkeel's optimizer and with Python libraries, and prints times and ratios."""

import argparse
import contextlib
import io
import json
import subprocess
import sys
import time
import warnings

RISK_AVERSION, RISK_FREE, CONFIDENCE = 4.0, 0.04, 0.95
# Objectives agree when they are this close, relative to their size.
CLOSE = 1e-4


def say(text):
    print(f"compare: {text}", file=sys.stderr, flush=True)


def problems(numpy):
    """Markets of a few factors, by a fixed seed: volatilities of 5% to 35%, returns that pay for risk."""
    chance = numpy.random.default_rng(7)
    made = []
    for kind, n in [
        ("mean_variance", 13),
        ("minimum_variance", 137),
        ("mean_variance", 137),
        ("maximum_sharpe", 137),
        ("equal_risk_contribution", 25),
        ("hierarchical_risk_parity", 137),
        ("minimum_cvar", 25),
        ("at_most_twelve", 25),
    ]:
        k = min(10, n // 3)
        loadings = chance.normal(0.0, 0.4, (n, k))
        loadings[:, 0] = chance.uniform(0.2, 1.4, n)
        factors = numpy.array([0.15**2] + [0.06**2] * (k - 1))
        specific = chance.uniform(0.03, 0.15, n) ** 2
        covariance = loadings @ numpy.diag(factors) @ loadings.T + numpy.diag(specific)
        expected = RISK_FREE + 0.05 * loadings[:, 0] + chance.normal(0.0, 0.01, n)
        daily = numpy.linalg.cholesky(covariance / 252)
        days = (expected / 252) + chance.normal(0.0, 1.0, (252, n)) @ daily.T
        made.append({
            "name": f"{kind.replace('_', ' ')}, {n}", "kind": kind, "upper": 0.3 if n < 100 else 0.1,
            "loadings": loadings, "factors": factors, "specific": specific, "expected": expected,
            "covariance": covariance, "scenarios": days,
        })
    return made


def objective(numpy, problem, weights):
    """What the problem wants little of."""
    weights = numpy.asarray(weights)
    variance = weights @ problem["covariance"] @ weights
    returned = weights @ problem["expected"]
    kind = problem["kind"]
    if kind == "minimum_variance":
        return variance
    if kind in ("mean_variance", "at_most_twelve"):
        return RISK_AVERSION / 2 * variance - returned
    if kind == "maximum_sharpe":
        return -(returned - RISK_FREE) / variance**0.5
    if kind == "minimum_cvar":
        losses = numpy.sort(-(problem["scenarios"] @ weights))[::-1]
        tail = (1 - CONFIDENCE) * len(losses)
        whole = int(tail)
        return (losses[:whole].sum() + (tail - whole) * losses[whole]) / tail
    if kind == "equal_risk_contribution":
        shares = weights * (problem["covariance"] @ weights) / variance
        return abs(shares - 1 / len(weights)).max()
    return abs(weights).sum()


def cvxpy_solver(numpy, problem):
    import cvxpy

    n = len(problem["expected"])
    kind = problem["kind"]
    loadings = problem["loadings"] * problem["factors"] ** 0.5

    def risk(weights):
        own = cvxpy.sum_squares(cvxpy.multiply(problem["specific"] ** 0.5, weights))
        return cvxpy.sum_squares(loadings.T @ weights) + own

    def solve():
        weights = cvxpy.Variable(n)
        limits = [cvxpy.sum(weights) == 1, weights >= 0, weights <= problem["upper"]]
        if kind == "minimum_variance":
            goal = cvxpy.Minimize(risk(weights))
        elif kind == "mean_variance":
            goal = cvxpy.Minimize(RISK_AVERSION / 2 * risk(weights) - problem["expected"] @ weights)
        elif kind == "maximum_sharpe":
            scale = cvxpy.Variable()
            limits = [
                (problem["expected"] - RISK_FREE) @ weights == 1, cvxpy.sum(weights) == scale, weights >= 0,
                weights <= problem["upper"] * scale,
            ]
            goal = cvxpy.Minimize(risk(weights))
        elif kind == "minimum_cvar":
            scenarios = problem["scenarios"]
            level = cvxpy.Variable()
            tail = cvxpy.sum(cvxpy.pos(-scenarios @ weights - level))
            goal = cvxpy.Minimize(level + tail / ((1 - CONFIDENCE) * len(scenarios)))
        else:
            return None
        cvxpy.Problem(goal, limits).solve(solver=cvxpy.CLARABEL)
        found = weights.value
        return found / found.sum()

    return solve


def pypfopt_solver(numpy, problem):
    import pandas
    import pypfopt

    kind, n = problem["kind"], len(problem["expected"])
    days = pandas.DataFrame(problem["scenarios"])

    def frontier():
        return pypfopt.EfficientFrontier(problem["expected"], problem["covariance"], (0, problem["upper"]))

    def solve():
        if kind == "minimum_variance":
            weights = frontier().min_volatility()
        elif kind == "mean_variance":
            weights = frontier().max_quadratic_utility(RISK_AVERSION)
        elif kind == "maximum_sharpe":
            weights = frontier().max_sharpe(risk_free_rate=RISK_FREE)
        elif kind == "minimum_cvar":
            tail = pypfopt.EfficientCVaR(problem["expected"] / 252, days, CONFIDENCE, (0, problem["upper"]))
            weights = tail.min_cvar()
        elif kind == "hierarchical_risk_parity":
            weights = pypfopt.HRPOpt(cov_matrix=pandas.DataFrame(problem["covariance"])).optimize()
        else:
            return None
        return numpy.array([weights[at] for at in range(n)])

    return solve


def riskfolio_solver(numpy, problem):
    import pandas
    import riskfolio

    kind = problem["kind"]
    days = pandas.DataFrame(problem["scenarios"])

    def solve():
        folio = riskfolio.Portfolio(returns=days, upperlng=problem["upper"])
        folio.assets_stats(method_mu="hist", method_cov="hist")
        folio.mu = pandas.DataFrame([problem["expected"]])
        folio.cov = pandas.DataFrame(problem["covariance"])
        folio.solvers = ["CLARABEL"]
        if kind == "minimum_variance":
            weights = folio.optimization(model="Classic", rm="MV", obj="MinRisk", hist=True)
        elif kind == "mean_variance":
            # It divides by two nowhere: utility is return less aversion times variance.
            weights = folio.optimization(model="Classic", rm="MV", obj="Utility", l=RISK_AVERSION / 2, hist=True)
        elif kind == "maximum_sharpe":
            weights = folio.optimization(model="Classic", rm="MV", obj="Sharpe", rf=RISK_FREE, hist=True)
        elif kind == "equal_risk_contribution":
            weights = folio.rp_optimization(model="Classic", rm="MV", hist=True)
        else:
            return None
        return None if weights is None else weights.to_numpy()[:, 0]

    return solve


PEERS = [("cvxpy", cvxpy_solver), ("PyPortfolioOpt", pypfopt_solver), ("Riskfolio-Lib", riskfolio_solver)]


def timed(solve, runs):
    """Weights and sorted times in milliseconds; None where the library does not solve the problem."""
    times, weights = [], None
    for _ in range(runs):
        begun = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            weights = solve()
        times.append((time.perf_counter() - begun) * 1000)
        if weights is None:
            return None
    return weights, sorted(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", help="the program that solves with ours")
    parser.add_argument("--runs", type=int, default=50, help="runs of each problem [50]; slow libraries get fewer")
    parser.add_argument("--only", default="", help="problems whose name begins so, separated by commas")
    parser.add_argument("--json", help="a file for all figures")
    args = parser.parse_args()
    import numpy

    only = [name for name in args.only.split(",") if name]
    asked = [p for p in problems(numpy) if not only or any(p["name"].startswith(name) for name in only)]
    plain = [{k: v.tolist() if hasattr(v, "tolist") else v for k, v in p.items() if k != "covariance"} for p in asked]
    for one in plain:
        if one["kind"] != "minimum_cvar":
            one["scenarios"] = []
    done = subprocess.run([args.ours], input=json.dumps({"runs": args.runs, "problems": plain}),
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"compare: ours ended with {done.returncode}: {done.stderr}")
    ours = {answer["name"]: answer for answer in json.loads(done.stdout)}
    rows, differ = [], []
    for problem in asked:
        name = problem["name"]
        own = ours[name]
        best = objective(numpy, problem, own["weights"])
        row = {"problem": name, "ours_p50_ms": own["p50_ms"], "ours_p99_ms": own["p99_ms"], "gap": own["gap"], "peers": {}}
        for label, make in PEERS:
            say(f"{name}: {label}")
            found = timed(make(numpy, problem), max(3, args.runs // 5))
            if found is None:
                continue
            weights, times = found
            theirs = objective(numpy, problem, weights)
            worse = (best - theirs) / max(abs(theirs), 1e-3)
            p50 = times[len(times) // 2]
            row["peers"][label] = {"p50_ms": p50, "ratio": p50 / own["p50_ms"], "objective": theirs, "ours": best}
            # Ours may be better: some of theirs stop early.
            if worse > CLOSE:
                differ.append(f"{name}: ours {best:.8g}, {label} {theirs:.8g}")
        rows.append(row)
    print(f"{'ms, p50 (p99)':<32}{'Evenkeel':>18}" + "".join(f"{label:>24}" for label, _ in PEERS))
    for row in rows:
        own = f"{row['ours_p50_ms']:.2f} ({row['ours_p99_ms']:.2f})"
        cells = ""
        for label, _ in PEERS:
            peer = row["peers"].get(label)
            cells += f"{'–' if peer is None else '%.1f  %.0f ×' % (peer['p50_ms'], peer['ratio']):>24}"
        print(f"{row['problem']:<32}{own:>18}{cells}")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(rows, file)
    if differ:
        sys.exit("compare: objectives differ:\n" + "\n".join(differ))


if __name__ == "__main__":
    main()
