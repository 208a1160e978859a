"""Options of the benchmarks."""


def pytest_addoption(parser):
    group = parser.getgroup("benchmarks")
    group.addoption(
        "--released",
        metavar="PATH",
        help="folder of a checkout of the paper's released code to be timed beside us (bench_peers.py); it must hold "
        "leader_episode.py, of which tests/benchmarks/released.py says what it takes and prints",
    )
    group.addoption(
        "--record",
        action="store_true",
        help="write the figures to tuned_examples/results (bench_peers.py, bench_start.py), for the documentation",
    )
