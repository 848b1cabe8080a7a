# shellcheck shell=bash
# Sourced by demo.sh and test.sh: the system libraries that a viewer needs (Debian and Ubuntu), and
# the plugin in an environment, .venv. What is there already is kept, what an interrupted run left
# half made is made again.
#
#   PYTHON=/path/to/python   the Python of a new environment
#   TORCH=cpu                PyTorch without CUDA, a smaller download
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { if [ -t 1 ]; then printf '\033[1m%s\033[0m\n' "$*"; else printf '%s\n' "$*"; fi; }

stop() {
    printf '%s\n' "$@" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# --- System packages -------------------------------------------------------------------------

# install_system_packages [NAMES...]: Qt's and OpenGL's libraries, which come with a desktop, and
# the given packages; of several names for one, the first that apt knows.
install_system_packages() {
    has apt-get && has dpkg-query || return 0
    local names missing=()
    for names in "$@" libegl1 libgl1 libgl1-mesa-dri "libglib2.0-0t64 libglib2.0-0" libfontconfig1 \
        libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-image0 \
        libxcb-render-util0 libxcb-xinerama0 libxcb-randr0 libxcb-shape0 libdbus-1-3; do
        is_installed "$names" || missing+=("$names")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if is_root; then
        say "Installing ${#missing[@]} system packages"
        apt_get update || true # one unreachable source does not matter if the others do
        apt_install "${missing[@]}"
    else
        say "These system packages are missing; without them napari may not open. Install them with:"
        say "  sudo apt-get install $(known_names "${missing[@]}")"
    fi
}

is_root() { [ "$(id -u)" = 0 ]; }

is_installed() {
    local name
    for name in $1; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' && return
    done
    return 1
}

# known_names NAMES...: one name a package, as this release of Debian or Ubuntu calls it.
known_names() {
    local names name known=()
    for names in "$@"; do
        for name in $names; do # the last one stays if apt knows none
            if [ -n "$(apt-cache show --no-all-versions "$name" 2>/dev/null)" ]; then break; fi
        done
        known+=("$name")
    done
    printf '%s' "${known[*]}"
}

apt_install() {
    local names
    read -ra names <<<"$(known_names "$@")"
    apt_get install -y --no-install-recommends "${names[@]}" && return
    stop "apt-get could not install: ${names[*]}" "Its last lines:" "$(tail -n 5 <<<"$apt_output")"
}

# Quiet, unless it fails: apt's notes about debconf look like errors.
apt_get() { apt_output=$(DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" 2>&1); }

# --- The environment -------------------------------------------------------------------------

# An environment holds absolute paths and cannot be moved, so it is made in place. The mark tells
# one that was interrupted.
make_environment() {
    local mark=.venv/.unfinished python
    if [ ! -e "$mark" ] && is_environment .venv/bin/python; then return; fi
    rm -rf .venv
    if [ -z "${PYTHON:-}" ]; then
        python=$(find_python || install_python)
    elif is_supported "$PYTHON"; then
        python=$PYTHON
    else
        stop "PYTHON=$PYTHON is not Python $(requires_python)."
    fi
    say "Making an environment in .venv"
    mkdir .venv
    touch "$mark"
    if uses_uv; then
        uv venv --quiet --seed --allow-existing --python "$python" .venv
    else
        "$python" -m venv .venv
    fi
    rm "$mark"
}

# is_environment PYTHON: one into which packages can be installed.
is_environment() {
    [ -x "$1" ] || return
    uses_uv || "$1" -m pip --version >/dev/null 2>&1 || "$1" -m ensurepip >/dev/null 2>&1
}

uses_uv() { has uv && uv pip install --help 2>/dev/null | grep -q -- --group; }

requires_python() { sed -n 's/^requires-python = "\([^"]*\)".*/\1/p' pyproject.toml; }

# The Python of an activated environment, or the newest that can make one.
find_python() {
    local python
    for python in "${VIRTUAL_ENV:-}/bin/python" "${CONDA_PREFIX:-}/bin/python" \
        python3.13 python3.12 python3.11 python3; do
        if is_supported "$python" && { uses_uv || makes_environments "$python"; }; then
            echo "$python"
            return
        fi
    done
    return 1
}

is_supported() {
    has "$1" && "$1" - "$(requires_python)" 2>/dev/null <<'PYTHON'
import re, sys
for sign, number in re.findall(r"(>=|<)([0-9.]+)", sys.argv[1]):
    bound = tuple(map(int, number.split(".")))
    if (sys.version_info[:2] >= bound) != (sign == ">="):
        sys.exit(1)
PYTHON
}

# Debian and Ubuntu keep ensurepip in a package of its own, without which venv stops halfway.
makes_environments() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# No Python here can make an environment: one comes from uv, from apt, or from the user.
install_python() {
    local python
    if uses_uv; then
        requires_python
        return
    fi
    for python in python3.13 python3.12 python3.11 python3; do
        if is_supported "$python"; then break; fi
    done
    if has apt-get && is_root; then
        apt_get update || true
        if is_supported "$python"; then
            apt_install "$(debian_name "$python")-venv"
        elif ! has python3; then
            apt_install python3 python3-venv
        fi
        find_python && return
    fi
    if is_supported "$python"; then
        stop "Python's module venv is incomplete here. Install the rest of it, then run this again:" \
            "  sudo apt-get install $(debian_name "$python")-venv"
    fi
    stop "Python $(requires_python) is needed; here is $(python3 --version 2>/dev/null || echo none)." \
        "Where to get one:" \
        "  Debian 12, Ubuntu 24.04 and later: sudo apt-get install python3 python3-venv" \
        "  Ubuntu 22.04: sudo add-apt-repository ppa:deadsnakes/ppa" \
        "                sudo apt-get install python3.11 python3.11-venv" \
        "  anywhere: install uv (https://docs.astral.sh/uv), which brings its own Python" \
        "Then run this again, or name a Python: PYTHON=/path/to/python bash $0"
}

# python3.12 for Python 3.12, whatever it is called here.
debian_name() { "$1" -c 'import sys; print("python%d.%d" % sys.version_info[:2])'; }

# --- The plugin ------------------------------------------------------------------------------

# install_project [GROUP]: the plugin with napari, and a dependency group of pyproject.toml.
install_project() {
    local group=${1:-} stamp
    make_environment
    forget_incomplete
    stamp=.venv/.installed${group:+-$group}
    if [ -e "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ]; then return; fi
    tell_size
    if [ "${TORCH:-}" = cpu ]; then
        install_packages torch torchvision --index-url https://download.pytorch.org/whl/cpu
    fi
    install_packages --editable '.[all]' ${group:+--group "$group"}
    touch "$stamp"
}

# A package without its metadata is installed again.
forget_incomplete() {
    local infos info
    infos=$(.venv/bin/python scripts/list_incomplete.py)
    [ -n "$infos" ] || return 0
    rm -f .venv/.installed*
    while read -r info; do
        say "Repairing $(basename "$info" .dist-info)"
        rm -rf "$info"
    done <<<"$infos"
}

tell_size() {
    say "Installing napari-stem and what it needs; the first time this takes several minutes."
    [ "$(uname -s)" = Linux ] && [ "${TORCH:-}" != cpu ] && ! compgen -G '.venv/lib/*/site-packages/torch' >/dev/null || return 0
    say "It needs about 7 GB of disk space, most of it for PyTorch with CUDA. Without an NVIDIA GPU,"
    say "3 GB are enough: stop this with Ctrl+C and run TORCH=cpu bash $0"
}

install_packages() {
    local quiet=--quiet
    if [ -t 1 ]; then quiet=; fi # a terminal shows how far the download is
    if uses_uv; then
        uv pip install $quiet --python .venv/bin/python "$@"
    else
        .venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1' # knows dependency groups
        .venv/bin/python -m pip install $quiet "$@"
    fi
}
