"""A training step of autoencoders (Adam, binary cross-entropy, float32), data handling included, against other libraries as they are normally written."""

from __future__ import annotations

from timing import Row, main
from training_peers import Worker, available

# sizes, batch, samples an epoch, bar against jax.jit
CASES = [((64, 32, 64), 32, 32 * 400, 0.5), ((100, 32, 100), 128, 128 * 200, 0.8), ((784, 128, 32, 128, 784), 128, 128 * 50, 1.1),
         ((784, 1024, 256, 1024, 784), 256, 256 * 10, 1.1)]


def measure(quick: bool = False) -> list[Row]:
    rows = []
    for sizes, batch, samples, bar in CASES[:1] if quick else CASES:
        rows += case(list(sizes), batch, samples, bar, 2 if quick else 12)
    return rows


def case(sizes: list[int], batch: int, samples: int, bar: float, turns: int) -> list[Row]:
    """All libraries train epochs in turns; the best epoch of each counts."""
    workers = {name: Worker(name, sizes, batch, samples) for name in available()}
    try:
        times = {name: float("inf") for name in workers}
        for turn in range(-2, turns):  # two to compile and to get warm
            for name, worker in workers.items():
                seconds = worker.seconds()
                times[name] = min(times[name], seconds) if turn >= 0 else times[name]
    finally:
        for worker in workers.values():
            worker.close()
    ours = times.pop("dualad")
    title = f"{'-'.join(map(str, sizes))}, batch {batch}"
    return [Row(title, ours, base=name, base_value=t, bar=bar if name == "jax.jit" else None) for name, t in times.items()]


if __name__ == "__main__":
    raise SystemExit(main(measure, "training steps"))
