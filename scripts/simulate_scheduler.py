"""Efficiency expected on many ranks: the real schedule, modelled times, ranks in one process.

Durations of seeds are drawn from a finished run's records: evaluations of each seed times the run's
mean time of one, as the times of single seeds are those of a busy machine. A counter serves one
request after the other; a request travels for the network's latency each way.

python scripts/simulate_scheduler.py RUN_DIR --picture docs/images/scheduler.png
"""

import argparse
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rm_lammps.generation.schedule import ChunkSchedule
from rm_lammps.runs.records import read_head
from rm_lammps.runs.shards import read_shard, shards

RANKS = (64, 1024, 16384)
SEEDS_PER_RANK = (8, 16, 32, 64, 128, 256)
NODE = 64
"""Ranks of a node, which share a counter in the hierarchical scheme."""


@dataclass(frozen=True)
class Network:
    """Seconds a counter is busy with a request, and seconds that a request travels."""

    service: float
    latency: float


NETWORKS = {
    "atomics in hardware": Network(2e-7, 2e-6),
    "served by software": Network(5e-6, 2e-3),
}


class SingleSeeds(ChunkSchedule):
    """One seed a request: the scheme to beat."""

    def __init__(self, total: int, workers: int) -> None:
        super().__init__(total, max(workers, total))


def simulate(
    schedule: ChunkSchedule, ranks: int, durations: np.ndarray, network: Network
) -> tuple[float, float]:
    """Run all ranks; returns the efficiency and the share of time spent waiting for the counter.

    Args:
        schedule: chunks of positions in ``durations``.
        ranks: that take chunks.
        durations: of each seed, s.
        network: of the counter.
    """
    before = np.concatenate([[0.0], np.cumsum(durations)])
    free = 0.0
    waited = 0.0
    ready = [(0.0, rank) for rank in range(ranks)]
    ends = np.zeros(ranks)
    chunk = 0
    while ready:
        now, rank = heapq.heappop(ready)
        free = max(free, now + network.latency) + network.service
        begin = free + network.latency
        waited += begin - now
        positions = schedule[chunk]
        chunk += 1
        if not positions:
            ends[rank] = begin
            continue
        heapq.heappush(ready, (begin + before[positions.stop] - before[positions.start], rank))
    return before[-1] / (ranks * ends.max()), waited / (ranks * ends.max())


def simulate_nodes(total: int, ranks: int, durations: np.ndarray, network: Network) -> float:
    """Counters in two levels: nodes take chunks from one counter, their ranks from the node's.

    The node's counter is in shared memory and costs nothing here.
    """
    n_nodes = max(ranks // NODE, 1)
    per_node = ranks // n_nodes
    schedule = ChunkSchedule(total, n_nodes)
    before = np.concatenate([[0.0], np.cumsum(durations)])
    stock: list[tuple[int, int]] = [(0, 0)] * n_nodes
    supply = [0.0] * n_nodes
    free, chunk, end = 0.0, 0, 0.0
    ready = [(0.0, rank) for rank in range(ranks)]
    while ready:
        now, rank = heapq.heappop(ready)
        node = rank // per_node
        begin, stop = stock[node]
        if begin == stop:
            free = max(free, now + network.latency) + network.service
            supply[node] = free + network.latency
            positions = schedule[chunk]
            chunk += 1
            begin, stop = positions.start, positions.stop
        if begin == stop:
            end = max(end, now)
            continue
        size = max((stop - begin) // (2 * per_node), 1)
        stock[node] = (begin + size, stop)
        heapq.heappush(ready, (max(now, supply[node]) + before[begin + size] - before[begin], rank))
    return float(before[-1] / (ranks * end))


def read_durations(folder: Path) -> np.ndarray:
    """Seconds of each seed of a run, without each rank's first, which may be slower."""
    evaluations: list[int] = []
    seconds: list[float] = []
    for shard in shards(folder):
        heads = [read_head(line) for _, line in read_shard(shard)]
        evaluations += [head.evaluations for head in heads[1:]]
        seconds += [head.seconds for head in heads[1:]]
    return np.array(evaluations) * (sum(seconds) / sum(evaluations))


def table(measured: np.ndarray, rng: np.random.Generator, per_rank: int) -> list[str]:
    """Rows of docs/studies/scheduler.md."""
    lines = [
        "| ranks | network | single seeds | shrinking chunks | two levels |",
        "| ---: | --- | ---: | ---: | ---: |",
    ]
    for ranks in RANKS:
        total = ranks * per_rank
        durations = rng.choice(measured, total)
        for name, network in NETWORKS.items():
            single, _ = simulate(SingleSeeds(total, ranks), ranks, durations, network)
            chunks, _ = simulate(ChunkSchedule(total, ranks), ranks, durations, network)
            nodes = simulate_nodes(total, ranks, durations, network)
            lines.append(f"| {ranks:,} | {name} | {single:.1%} | {chunks:.1%} | {nodes:.1%} |")
            print(lines[-1], flush=True)
    return lines


def draw(
    measured: np.ndarray, rng: np.random.Generator, picture: Path, per_rank: Sequence[int]
) -> None:
    """Plot efficiency against seeds per rank."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for axis, (name, network) in zip(axes, NETWORKS.items(), strict=True):
        for colour, ranks in enumerate(RANKS):
            rows: dict[str, list[float]] = {"single seeds": [], "shrinking chunks": []}
            for seeds in per_rank:
                durations = rng.choice(measured, ranks * seeds)
                for scheme, kind in (("single seeds", SingleSeeds), (_CHUNKS, ChunkSchedule)):
                    schedule = kind(len(durations), ranks)
                    rows[scheme].append(simulate(schedule, ranks, durations, network)[0])
            for scheme, style in (("single seeds", ":"), (_CHUNKS, "-")):
                label = f"{ranks:,} ranks" if scheme == _CHUNKS else None
                axis.plot(per_rank, rows[scheme], style, color=f"C{colour}", label=label)
        axis.set(xscale="log", xlabel="seeds a rank", title=name, ylim=(0, 1.02))
        axis.set_xticks(per_rank, [str(n) for n in per_rank])
        axis.minorticks_off()
    axes[0].set_ylabel("efficiency")
    axes[0].legend(frameon=False, title="solid: chunks, dotted: single")
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=150)


_CHUNKS = "shrinking chunks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--picture", type=Path, required=True)
    parser.add_argument("--seeds-per-rank", type=int, default=64)
    parser.add_argument("--most", type=int, default=256, help="seeds a rank in the picture")
    arguments = parser.parse_args()
    measured = read_durations(arguments.folder)
    print(
        f"{len(measured)} durations: mean {measured.mean():.4f} s, longest {measured.max():.4f} s"
    )
    rng = np.random.default_rng(0)
    table(measured, rng, arguments.seeds_per_rank)
    draw(measured, rng, arguments.picture, [n for n in SEEDS_PER_RANK if n <= arguments.most])


if __name__ == "__main__":
    main()
