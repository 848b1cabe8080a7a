#!/usr/bin/env bash
# Set up everything, then run the tests of the docks with PySide6 in place of PyQt6.
#
#   scripts/test_pyside.sh [PYTEST ARGUMENTS]
#
# PySide6 lives in .venv-pyside, which also sees the packages of .venv, so that neither Qt disturbs
# the other.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
install_system_packages xvfb xauth
install_project dev
.venv/bin/python -m venv .venv-pyside
there=$(.venv-pyside/bin/python -c 'import site; print(site.getsitepackages()[0])')
here=$(.venv/bin/python -c 'import site; print(site.getsitepackages()[0])')
echo "import site; site.addsitedir('$here')" >"$there/shared.pth" # with what is editable there
# PySide6 6.12.0 gives back a None or False that it was never lent whenever a method returns one,
# which ends a process after some minutes; since Python 3.12 nobody counts these.
.venv-pyside/bin/python -m pip install --quiet PySide6 'PySide6<6.12; python_version < "3.12"'
export QT_API=pyside6 PYTEST_QT_API=pyside6
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" NUMBA_NUM_THREADS="${NUMBA_NUM_THREADS:-1}"
say "Running the tests of the docks with PySide6"
exec .venv-pyside/bin/python -m pytest "${@:-tests/_napari}"
