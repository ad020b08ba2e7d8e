"""Weights of data/mixture/mixture_score.cpp from `bragg evaluate --mixtures ... --figures FILE`.

score: a conditional logit over the candidates of each round in which one is right that was not named before; presence: a logit over
the phases of a mixture before any goes out. Mixtures are told apart by the names of their files up to the second point from the end;
of those in order the first half is fitted, the other half tells what that is worth. Simulated mixtures (--simulated, as often as
wanted) are fitted as well, with a quarter of the weight. Needs numpy and scipy.
"""
import argparse
import json

import numpy as np
from scipy.optimize import minimize

NAMES = ("similarity root_cosine gain calculated absent ln_volume low_symmetry cell_change elements rarity kin light joint_gain "
         "log_gain misfit evidence ln_choice polymorph").split()
SIGN = dict(zip(NAMES, (1, 1, 1, -1, -1, -1, -1, -1, -1, -1, 1, -1, 1, 1, -1, 1, -1, -1)))
SCORE = set(NAMES) - {"evidence", "ln_choice", "polymorph"}  # alike for the candidates of a round, or nearly so
PRESENCE = set(NAMES) - {"gain", "ln_volume", "elements"}


def key(file):
    return file.split("/")[-1].rsplit(".", 2)[0]


def read(path):
    rounds, last = [], []
    for line in open(path):
        pattern = json.loads(line)
        named = set()
        for one in pattern["rounds"]:
            candidates = one["candidates"]
            if not candidates:
                continue
            values = np.array([c["values"] for c in candidates])
            right = np.array([c["right"] for c in candidates])
            if one["last"]:
                last.append((pattern["file"], values, first_of_each(candidates, right)))
                continue
            new = np.array([c["formula"] not in named for c in candidates])
            named.add(candidates[0]["formula"])
            if (right & new).any():
                rounds.append((pattern["file"], values[new], right[new]))
    return rounds, last


def first_of_each(candidates, right):
    """Of right structures of one formula the one that gains most: the others are there twice."""
    gain = NAMES.index("joint_gain")
    best = {}
    for i in np.flatnonzero(right):
        formula = candidates[i]["formula"]
        if formula not in best or candidates[i]["values"][gain] > candidates[best[formula]]["values"][gain]:
            best[formula] = i
    return np.isin(np.arange(len(right)), list(best.values()))


def bounds(used):
    return [((0, None) if SIGN[n] > 0 else (None, 0)) if n in used else (0, 0) for n in NAMES]


def fit_score(rounds):
    deviation = np.concatenate([values for _, values, _ in rounds]).std(0) + 1e-6

    def loss(w):
        total, gradient = 0.0, np.zeros_like(w)
        for _, values, right in rounds:
            z = values @ w
            p = np.exp(z - z.max())
            p /= p.sum()
            q = p[right].sum()
            total -= np.log(q + 1e-300)
            gradient -= (p * right / q - p) @ values
        return (total / len(rounds) + 0.02 * ((w * deviation) ** 2).sum(),
                gradient / len(rounds) + 0.04 * w * deviation ** 2)

    return minimize(loss, np.zeros(len(NAMES)), jac=True, bounds=bounds(SCORE), method="L-BFGS-B").x


def fit_presence(last, weight):
    values = np.concatenate([v for _, v, _ in last])
    right = np.concatenate([r for _, _, r in last]).astype(float)
    weight = np.concatenate([np.full(len(r), w) for (_, _, r), w in zip(last, weight)])
    mean, deviation = values.mean(0), values.std(0) + 1e-6
    x = (values - mean) / deviation

    def loss(v):
        p = 1 / (1 + np.exp(-(x @ v[:-1] + v[-1])))
        each = right * np.log(p + 1e-12) + (1 - right) * np.log(1 - p + 1e-12)
        wrong = weight * (p - right) / weight.sum()
        return (-(weight * each).sum() / weight.sum() + 0.003 * (v[:-1] ** 2).sum(),
                np.append(x.T @ wrong + 0.006 * v[:-1], wrong.sum()))

    v = minimize(loss, np.zeros(len(NAMES) + 1), jac=True, bounds=bounds(PRESENCE) + [(None, None)], method="L-BFGS-B").x
    w = v[:-1] / deviation
    return w, v[-1] - (w * mean).sum()


def text(weights):
    return "{" + ", ".join(f"{w:.3g}" for w in weights) + "}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", nargs="+")
    parser.add_argument("--simulated", action="append", default=[])
    options = parser.parse_args()
    rounds, last = (sum(lists, []) for lists in zip(*map(read, options.figures)))
    names = sorted({key(file) for file, _, _ in rounds})
    fitted = set(names[:(len(names) + 1) // 2])
    near = [one for one in rounds if key(one[0]) in fitted]
    far = [one for one in rounds if key(one[0]) not in fitted]
    w = fit_score(near)
    for name, part in (("fitted", near), ("other half", far)):
        print(f"{name}: best candidate right in {np.mean([r[np.argmax(v @ w)] for _, v, r in part]):.3f} of {len(part)} rounds")
    print("score_weights", text(w))
    phases = [one for one in last if key(one[0]) in fitted]
    weight = [1.0] * len(phases)
    for path in options.simulated:
        simulated = read(path)[1]
        phases += simulated
        weight += [0.25] * len(simulated)
    w, bias = fit_presence(phases, weight)
    test = [one for one in last if key(one[0]) not in fitted]
    print("other half: phases told from others in "
          f"{np.mean(np.concatenate([(v @ w + bias > 0) == r for _, v, r in test])):.3f}")
    print("presence_weights", text(w), f"bias {bias:.3g}")


if __name__ == "__main__":
    main()
