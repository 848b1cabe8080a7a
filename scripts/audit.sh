#!/usr/bin/env bash
# Known vulnerabilities of the installed packages, and their list (SBOM) in the CycloneDX format.
#
#   scripts/audit.sh [PYTHON] [SBOM]
#
# PYTHON is the interpreter of the environment to check (default .venv/bin/python), SBOM the file to
# write (default sbom.cdx.json). The tools go to a temporary environment; pip-audit asks PyPI about
# each package. Exit code 1 if a vulnerability is known, 2 if PyPI could not be asked.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${1:-.venv/bin/python}
sbom=${2:-sbom.cdx.json}
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT

python3 -m venv "$tools"
"$tools/bin/pip" install --quiet "pip-audit>=2.7" "cyclonedx-bom>=5"
"$tools/bin/cyclonedx-py" environment "$python" --output-format JSON --output-file "$sbom"
echo "List of packages: $sbom"
site=$("$python" -c 'import site; print(site.getsitepackages()[0])')
status=0
"$tools/bin/pip-audit" --path "$site" --output "$tools/found" || status=$?
touch "$tools/found"
# Numpy is on PyPI: without it, what answered knows nothing of vulnerabilities.
if grep -q "could not be audited: numpy " "$tools/found" || { [ "$status" != 0 ] && [ ! -s "$tools/found" ]; }; then
    echo "Not checked for vulnerabilities: PyPI does not answer. Check the network, then try again." >&2
    exit 2
fi
cat "$tools/found"
exit "$status"
