"""Leiden partition of a weighted graph, here or in a process of its own.

igraph holds the interpreter for as long as it works: a third of a second for 20,000 spots, one
for 50,000. `python -m napari_stem.analysis.leiden` keeps a window responsive.
"""

from __future__ import annotations

import io
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import igraph
import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.events import Check

_WAIT = 0.2  # seconds
_ITERATIONS = 2  # scanpy's choice for igraph
_SEEDED = threading.Lock()  # igraph has one generator, whichever thread asks
_NO_CONSOLE = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows shows one otherwise


def partition(graph: sparse.csr_matrix, *, resolution: float, seed: int) -> NDArray[np.int64]:
    """The community of each node of an undirected graph, by modularity.

    Parameters
    ----------
    graph
        (n, n), symmetric; its values are the weights.
    resolution
        Higher gives more communities.
    """
    return _partition(graph.shape[0], *_edges(graph), resolution=resolution, seed=seed)


def partition_apart(
    graph: sparse.csr_matrix, *, resolution: float, seed: int, check: Check
) -> NDArray[np.int64]:
    """The same in a child process; in this one, where none can be started.

    Parameters
    ----------
    check
        Called often; what it raises ends the child.
    """
    n, (edges, weights) = graph.shape[0], _edges(graph)
    command = [sys.executable, "-m", "napari_stem.analysis.leiden"]
    try:
        with TemporaryFile() as order:  # a pipe would have to be fed while the child is awaited
            np.savez(order, n=n, edges=edges, weights=weights, resolution=resolution, seed=seed)
            order.seek(0)
            answer = _answer(command, order, check)
        found: NDArray[np.int64] = np.load(io.BytesIO(answer))
    except (OSError, ValueError, EOFError):
        return _partition(n, edges, weights, resolution=resolution, seed=seed)
    return found


def _edges(graph: sparse.csr_matrix) -> tuple[NDArray[np.integer], NDArray[np.floating]]:
    """Pairs of nodes (m, 2), each once, and their weights (m,)."""
    half = sparse.triu(graph, k=1).tocoo()
    return np.stack([half.row, half.col], axis=1), half.data


def _partition(
    n: int,
    edges: NDArray[np.integer],
    weights: NDArray[np.floating],
    *,
    resolution: float,
    seed: int,
) -> NDArray[np.int64]:
    network = igraph.Graph(n=n, edges=edges)
    with _seeded(seed):
        found = network.community_leiden(
            "modularity", weights=weights, resolution=resolution, n_iterations=_ITERATIONS
        )
    return np.array(found.membership)


def _answer(command: list[str], order: IO[bytes], check: Check) -> bytes:
    """What a child writes; nothing if it fails."""
    pipe = subprocess.PIPE
    child = subprocess.Popen(
        command, stdin=order, stdout=pipe, stderr=pipe, creationflags=_NO_CONSOLE
    )
    with child:
        try:
            while True:
                check()
                with suppress(subprocess.TimeoutExpired):
                    return child.communicate(timeout=_WAIT)[0]
        except BaseException:
            child.kill()
            raise


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Let igraph draw from a generator of our own.

    It takes no seed and does not tell its generator, so that its default, Python's, is put back,
    as scanpy does, too.
    """
    with _SEEDED:
        igraph.set_random_number_generator(random.Random(seed))
        try:
            yield
        finally:
            igraph.set_random_number_generator(random)


def _serve() -> None:
    order = np.load(sys.stdin.buffer)
    n, seed, resolution = int(order["n"]), int(order["seed"]), float(order["resolution"])
    found = _partition(n, order["edges"], order["weights"], resolution=resolution, seed=seed)
    answer = io.BytesIO()
    np.save(answer, found)
    sys.stdout.buffer.write(answer.getvalue())


if __name__ == "__main__":
    _serve()
