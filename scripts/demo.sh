#!/usr/bin/env bash
# Set up everything, then train, predict and show a generated slide. Arguments go to the demo.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
install_display_libraries
install_project
exec .venv/bin/napari-stem demo "$@"
