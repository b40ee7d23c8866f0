"""Measures our canonical correlation analysis against scikit-learn's and cca-zoo's: seconds, at equal correlation.

    OMP_NUM_THREADS=2 python bench/closed_forms.py [--rows 10000] [--image 1280] [--text 384] [--components 8]

All solve the same two problems in one run, each in a process of its own, one after another, on the same rows of zero
mean and unit variance, with and without a ridge. What they found is judged alike, by the correlations of the rows along
their directions: without a ridge the exact solution has the largest possible sum, so equal sums say that both found it.
Seconds are medians over up to five rounds, one where a round takes long; ratios are seconds over ours: above 1, ours is
faster.

scikit-learn iterates, component by component, and has no ridge. It solves for `--components` alone, as few as make it
end in minutes; the others find all at once. A rival that does not end within `--limit` seconds is stopped, and its
ratio is a lower bound. cca-zoo shrinks, (1 - c) S + c I; with c = r / (1 + r) that is our S + r I up to one factor.
"""

import argparse
import multiprocessing
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
from jaxtyping import Float64

from diptych.maths.correlation import canonical_correlations

Rows = Float64[np.ndarray, "n d"]
Fit = Callable[[Rows, Rows, "Problem"], tuple[Rows, Rows]]
FACTORS = 50
ROUNDS, ENOUGH = 5, 10.0
"""A solver is timed so many times, or until it has taken so many seconds in all."""


@dataclass(frozen=True)
class Problem:
    """How large the views are, how many components are wanted, and with which ridge."""

    rows: int
    image: int
    text: int
    components: int
    ridge: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What a solver took and found."""

    seconds: float
    correlation: float
    """Sum over the components."""


def views(problem: Problem) -> tuple[Rows, Rows]:
    """Return two views of the same factors, each factor fainter than the one before, with z-scored columns."""
    generator = np.random.default_rng(0)
    factors = generator.standard_normal((problem.rows, FACTORS)) / np.sqrt(1 + np.arange(FACTORS))
    noise = (generator.standard_normal((problem.rows, width)) for width in (problem.image, problem.text))
    image, text = (factors @ generator.standard_normal((FACTORS, rows.shape[1])) / 8 + rows for rows in noise)
    return (image - image.mean(0)) / image.std(0), (text - text.mean(0)) / text.std(0)


def diptych_cca(x: Rows, y: Rows, problem: Problem) -> tuple[Rows, Rows]:
    found = canonical_correlations(x - x.mean(0), y - y.mean(0), ridge=problem.ridge, count=problem.components)
    return found.x, found.y


def sklearn_cca(x: Rows, y: Rows, problem: Problem) -> tuple[Rows, Rows]:
    from sklearn.cross_decomposition import CCA

    fitted = CCA(problem.components, max_iter=500).fit(x, y)
    return fitted.x_rotations_, fitted.y_rotations_


def cca_zoo_cca(x: Rows, y: Rows, problem: Problem) -> tuple[Rows, Rows]:
    from cca_zoo.linear import RidgeCCA

    image, text = RidgeCCA(problem.components, shrinkage=problem.ridge / (1 + problem.ridge)).fit([x, y]).weights_
    return image, text


SOLVERS: dict[str, Fit] = {"diptych": diptych_cca, "cca-zoo": cca_zoo_cca, "scikit-learn": sklearn_cca}


def solve(name: str, problem: Problem) -> Outcome:
    """Return one solver's seconds and the summed correlation along its directions."""
    warnings.simplefilter("ignore")
    x, y = views(problem)
    small = Problem(50, 4, 3, 1, problem.ridge)
    SOLVERS[name](*views(small), small)
    taken: list[float] = []
    while len(taken) < ROUNDS and sum(taken) < ENOUGH:
        start = time.perf_counter()
        image, text = SOLVERS[name](x, y, problem)
        taken.append(time.perf_counter() - start)
    scores = zip((x @ image).T, (y @ text).T, strict=True)
    return Outcome(median(taken), sum(float(np.corrcoef(one, other)[0, 1]) for one, other in scores))


def solved_within(limit: float, name: str, problem: Problem) -> Outcome | None:
    """Return a solver's outcome from a process of its own, or None where that did not end within the limit."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        try:
            return pool.apply_async(solve, (name, problem)).get(limit)
        except multiprocessing.TimeoutError:
            return None


def table(problem: Problem, limit: float) -> list[str]:
    """Return the lines of one problem: ours first, then the rivals with their ratios."""
    label = f"ridge CCA, r = {problem.ridge}" if problem.ridge else "CCA"
    rivals = [name for name in SOLVERS if name != "diptych" and not (problem.ridge and name == "scikit-learn")]
    ours = solved_within(limit, "diptych", problem)
    if ours is None:
        raise SystemExit(f"our own solver did not end within {limit:g} s: raise --limit, or lower --rows")
    lines = [f"| {label} | diptych | {ours.seconds:.2f} | {ours.correlation:.4f} | 1.0 |"]
    for name in rivals:
        found = solved_within(limit, name, problem)
        if found is None:
            lines.append(f"| {label} | {name} | > {limit:g} | did not end | > {limit / ours.seconds:.1f} |")
        else:
            ratio = found.seconds / ours.seconds
            lines.append(f"| {label} | {name} | {found.seconds:.2f} | {found.correlation:.4f} | {ratio:.1f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--image", type=int, default=1280, help="columns of the wider view")
    parser.add_argument("--text", type=int, default=384, help="columns of the narrower view")
    parser.add_argument("--components", type=int, default=8)
    parser.add_argument("--ridge", type=float, default=0.1, help="of the second problem")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds after which a solver is stopped")
    options = parser.parse_args()
    sizes = (options.rows, options.image, options.text, options.components)
    print(f"n = {options.rows}, {options.image} and {options.text} wide, {options.components} components\n")
    print("| problem | solver | seconds | sum of correlations | times ours |")
    print("|---|---|---|---|---|")
    for ridge in (0.0, options.ridge):
        print("\n".join(table(Problem(*sizes, ridge), options.limit)), flush=True)


if __name__ == "__main__":
    main()
