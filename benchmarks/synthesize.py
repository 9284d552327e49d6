"""How fast synthetic photos are made: `python -m benchmarks.synthesize`.

Reports faces per second by size and number of processes. Baking the person,
rendering and JPEG are included, starting the processes is not. The last column
counts processor seconds, which other work on the machine disturbs less.
"""

import argparse
import dataclasses
import multiprocessing
import time

from benchmarks import harness
from efgan_tf.synthetic.synthesis import SynthesizeConfig, make_subject


def _make(job: tuple[SynthesizeConfig, int]) -> tuple[int, float]:
    """Faces made and processor seconds taken."""
    start = time.process_time()
    return len(make_subject(*job)), time.process_time() - start


def measure(config: SynthesizeConfig) -> tuple[float, float]:
    """Faces per second, by the clock and per processor, of warm processes."""
    context = multiprocessing.get_context("spawn")
    small = dataclasses.replace(config, images_per_subject=2)
    with context.Pool(config.workers) as pool:
        # Every process compiles or loads its kernels here.
        pool.map(_make, [(small, 0)] * config.workers * 2, chunksize=1)
        start = time.perf_counter()
        jobs = [(config, n) for n in range(config.subjects)]
        made, busy = zip(*pool.imap_unordered(_make, jobs), strict=True)
        elapsed = time.perf_counter() - start
    return sum(made) / elapsed, sum(made) / sum(busy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=12)
    parser.add_argument("--images_per_subject", type=int, default=16)
    parser.add_argument("--out", default="", help=harness.OUT)
    arguments = parser.parse_args()
    report = harness.Report(arguments.out)
    rows = []
    for size in (128, 256):
        for workers in (1, 2):
            config = SynthesizeConfig(
                subjects=arguments.subjects,
                images_per_subject=arguments.images_per_subject,
                size=size,
                workers=workers,
            )
            rate, own = measure(config)
            rows.append(
                {
                    "size": size,
                    "processes": workers,
                    "faces/s": rate,
                    "faces per processor second": own,
                }
            )
    report.add("Rendered faces, baking and JPEG included", rows, 1)
    report.write()


if __name__ == "__main__":
    main()
