#!/usr/bin/env bash
# Set up everything, then train, predict and show a generated slide. Arguments go to the demo.
# shellcheck source-path=SCRIPTDIR disable=SC2119
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
install_system_packages
install_project
exec .venv/bin/napari-stem demo "$@"
