#!/usr/bin/env bash
# Set up everything, then run the tests; arguments go to pytest (for example: -m "not slow").
# With CHECKS=1 the linters, the type checker, the import order and the wheel are checked first.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
install_system_packages xvfb xauth
install_project dev
if [ "${CHECKS:-0}" = 1 ]; then
    say "Checking style, types, import order and manifest"
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
    .venv/bin/mypy
    .venv/bin/lint-imports
    .venv/bin/npe2 validate --imports napari-stem
fi
# Networks of tests are so small that a second thread costs more than it brings.
# Numba's number counts too: its OpenMP layer sets torch's.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" NUMBA_NUM_THREADS="${NUMBA_NUM_THREADS:-1}"
# A process for each core; one takes up to 3 GB. "-n 0" among the arguments runs them in this one.
say "Running the tests"
exec .venv/bin/python -m pytest -n logical --maxprocesses 4 --dist worksteal "$@"
