# Sourced by demo.sh and test.sh: an environment in .venv, and on Debian the libraries that Qt
# and its virtual display need. What is there already is kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\033[1m%s\033[0m\n' "$*"; }

find_python() {
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null || continue
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || continue
        echo "$candidate"
        return
    done
    say "Python 3.11, 3.12 or 3.13 is needed; set PYTHON=/path/to/python." >&2
    return 1
}

# Qt's and OpenGL's shared libraries come with a desktop; a bare Debian or Ubuntu lacks them.
install_display_libraries() {
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 0
    local package missing=()
    for package in xvfb xauth libegl1 libgl1 libgl1-mesa-dri libglib2.0-0 libfontconfig1 \
        libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-image0 \
        libxcb-render-util0 libxcb-xinerama0 libxcb-randr0 libxcb-shape0 libdbus-1-3; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    say "Installing ${#missing[@]} system packages for the viewer"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# install_project [GROUP]: the plugin with napari, and a dependency group of pyproject.toml.
install_project() {
    local group=${1:-} stamp
    stamp=.venv/.installed${group:+-$group}
    [ -x .venv/bin/python ] || { say "Making an environment in .venv"; "$(find_python)" -m venv .venv; }
    if [ ! -e "$stamp" ] || [ pyproject.toml -nt "$stamp" ]; then
        say "Installing napari-stem and what it needs (some minutes the first time)"
        .venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
        .venv/bin/python -m pip install --quiet --editable '.[all]' ${group:+--group "$group"}
        touch "$stamp"
    fi
}
