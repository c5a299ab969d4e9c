# shellcheck shell=bash
# Postgres from Debian's packages, as a cluster of our own; the system's clusters are never touched.

postgres_packages() { [[ -n $(postgres_bin) ]] || echo postgresql; }

# The newest installed version's programs; Debian keeps them out of PATH.
postgres_bin() {
  local initdb
  initdb=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1) || return 0
  echo "${initdb%/initdb}"
}

postgres_query() { PGCONNECT_TIMEOUT=10 "$(postgres_bin)/psql" -XAtq -c "$2" "$1" </dev/null; }

postgres_running() {
  local url
  is_ours "$(first_line "$SERVERS/postgres/data/postmaster.pid")" "$SERVERS/postgres" &&
    url=$(recorded postgres TRENDY_TEST_DATABASE_URL) &&
    [[ $(postgres_query "$url" 'select 1' 2>/dev/null) == 1 ]]
}

postgres_start() {
  local home=$SERVERS/postgres bin password port
  bin=$(postgres_bin)
  LOG=$DIR/log/postgres.log
  postgres_stop
  fresh_folder "$home"

  # A password even on loopback: every local user can reach the port, and a superuser's login runs programs.
  password=$(random_password)
  (umask 077 && printf '%s' "$password" >"$home/password")
  own "$home/password"
  detached "$bin/initdb" -D "$home/data" -U trendy --pwfile="$home/password" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 || fail_with_log "cannot create the Postgres cluster"
  rm "$home/password"
  # No socket file: its path would be too long in a deep checkout. fsync stays on, since tests kill things.
  cat >>"$home/data/postgresql.conf" <<-CONF
	listen_addresses = '127.0.0.1'
	unix_socket_directories = ''
	max_connections = 200
	CONF

  port=$(postgres_serve "$bin" "$home") || fail_with_log "Postgres does not start"
  local server=postgres://trendy:$password@127.0.0.1:$port
  postgres_query "$server/postgres" 'create database trendy_test' ||
    fail_with_log "Postgres does not answer on port $port"
  record_env postgres "TRENDY_TEST_DATABASE_URL=$server/trendy_test"
}

# Starts the server and prints its port. Postgres cannot pick one itself, so a port taken meanwhile means another try.
postgres_serve() {
  local bin=$1 home=$2 port
  for _ in 1 2 3 4 5; do
    port=$(random_port)
    if detached "$bin/pg_ctl" start -D "$home/data" -w -t "$START_DEADLINE" -l "$home/server.log" -o "-p $port"; then
      echo "$port"
      return 0
    fi
    tail -n 20 "$home/server.log" >>"$LOG"
    grep -q 'Address already in use' "$home/server.log" || return 1
    rm "$home/server.log"
  done
  return 1
}

# SIGINT is Postgres's fast shutdown: clients are disconnected, nothing is waited for.
postgres_stop() { stop_recorded "$SERVERS/postgres/data/postmaster.pid" INT "$SERVERS/postgres"; }

postgres_report() {
  local url
  url=$(recorded postgres TRENDY_TEST_DATABASE_URL)
  report postgres "$(postgres_query "$url" 'show server_version' | cut -d ' ' -f 1)" \
    "postgres://trendy@${url#*@}$1"
}
