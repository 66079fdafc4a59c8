#!/bin/sh
# Prints the path of a Python of at least 3.11. Installs Debian's where there is none and apt-get may be used;
# otherwise says in one sentence what to do. Everything else is written in Python.
set -u

for name in "${PYTHON:-python3}" python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
    if path=$(command -v "$name") && "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "$path"
        exit 0
    fi
done

if ! command -v python3 >/dev/null && command -v apt-get >/dev/null; then
    if [ "$(id -u)" = 0 ]; then as_root=; else as_root="sudo -n"; fi
    echo "There is no Python here; installing Debian's: apt-get install python3 python3-venv (log: var/log/install-debian.log)" >&2
    mkdir -p var/log
    if {
        $as_root apt-get -q update &&
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends python3 python3-venv
    } </dev/null >>var/log/install-debian.log 2>&1 &&
        /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo /usr/bin/python3
        exit 0
    fi
fi

found=$(python3 -V 2>/dev/null) || found="none"
echo "Darsbox needs Python 3.11 or newer (found: $found). On Debian 12: sudo apt-get install python3 python3-venv" >&2
exit 1
