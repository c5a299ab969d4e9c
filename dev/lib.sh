# shellcheck shell=bash
# What dev/up, dev/down and dev/test share. Source it after `set -euo pipefail`.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
DIR=${TRENDY_DEV_DIR:-$REPO/target/dev-services}
[[ $DIR == /* ]] || DIR=$PWD/$DIR
ENV_FILE=$DIR/env
# Says that the folder is ours to remove, and how its servers run.
MARKER=$DIR/.trendy-dev
PARTS=(postgres elasticsearch browser selenium warc)

# Postgres and Elasticsearch both refuse to run as root. `nobody` is on every machine, so none has to be created.
SERVER_USER=nobody

# Seconds. Elasticsearch is up in 15 on an idle machine, and much later beside a compiler.
# shellcheck disable=SC2034 # the parts use it
START_DEADLINE=180
STOP_DEADLINE=30

say() { printf '%s\n' "$@"; }
note() { printf 'dev: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  (($# == 0)) || printf 'hint: %s\n' "$@" >&2
  exit 1
}

# A script's opening comment is its usage.
show_usage_if_asked() {
  [[ ${1:-} != -h && ${1:-} != --help ]] || {
    sed -n '2,/^[^#]/ { s/^# \{0,1\}//p }' "$0"
    exit 0
  }
}

have() { command -v "$1" >/dev/null 2>&1; }

# One dev/up or dev/down at a time per checkout. The lock sits on a file of the repository, because dev/down removes
# the folder; servers must not inherit it (see `detached`), or it would be held for as long as they run.
lock() {
  exec 9<"$REPO/dev/lib.sh"
  flock --wait 900 9 || die "another dev/up or dev/down has been running for 15 minutes"
}

# `docker info` waits for ever on an engine that hangs.
docker_works() {
  [[ ${TRENDY_DEV_DOCKER:-1} != 0 ]] && timeout 10 docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1
}

# Defines NAME_packages, NAME_running, NAME_start, NAME_stop and NAME_report for every part, for the MODE at hand.
load_parts() {
  local part
  for part in "${PARTS[@]}"; do
    # shellcheck source=/dev/null
    . "$REPO/dev/$part.sh"
  done
  # shellcheck source=dev/docker.sh
  [[ $MODE != docker ]] || . "$REPO/dev/docker.sh"
}

# --- folders -----------------------------------------------------------------------------------------------------

# Makes or finds the folder, and sets how the servers run (MODE: docker or packages). That is decided once, by whoever
# starts the first server, and holds until dev/down.
open_folders() {
  if [[ ! -e $MARKER ]]; then
    [[ ! -e $DIR || -z $(ls -A "$DIR") ]] || die "\`$DIR\` is not empty and not of dev/up's making"
    mkdir -p "$DIR/log"
    mkdir -m 700 "$DIR/state" # holds passwords
    if docker_works; then echo docker; else echo packages; fi >"$MARKER"
  fi
  MODE=$(cat "$MARKER")
  open_servers_folder
}

# Sets SERVERS, the folder with the data of the servers that are no containers. It is a symbolic link to a folder under /var/tmp where the servers'
# user could not reach it otherwise: in a clone under /root, say.
open_servers_folder() {
  if [[ ! -e $DIR/servers ]]; then
    if as_server test -x "$DIR"; then
      mkdir "$DIR/servers"
    else
      local reachable
      reachable=$(mktemp -d /var/tmp/trendy-dev.XXXXXX)
      chmod 711 "$reachable"
      ln -sfn "$reachable" "$DIR/servers"
    fi
  fi
  SERVERS=$(cd "$DIR/servers" && pwd -P)
}

remove_folders() {
  [[ -z ${SERVERS:-} ]] || rm -rf "$SERVERS"
  rm -rf "$DIR/servers" "$DIR/state" "$DIR/log" "$ENV_FILE"
  rm "$MARKER"
  rmdir "$DIR"
}

# An empty folder for one server, owned by its user.
fresh_folder() {
  rm -rf "$1"
  mkdir -m 700 "$1"
  own "$1"
}

own() { ((EUID != 0)) || chown -R "$SERVER_USER:" "$1"; }

# --- processes ---------------------------------------------------------------------------------------------------

# Runs a command as the servers' user, from a folder that this user can enter. `setpriv` rather than `runuser`, which
# would stay in between as a parent and take the signals.
as_server() (
  cd /
  if ((EUID == 0)); then
    exec setpriv --reuid "$SERVER_USER" --regid "$(id -gn "$SERVER_USER")" --clear-groups -- "$@"
  fi
  exec "$@"
)

# Starts what outlives this script: out of reach of the terminal's Ctrl-C, without our lock and our output pipe, on
# whose end a CI job would wait for ever.
detached() { as_server setsid --wait "$@" </dev/null >>"$LOG" 2>&1 9<&-; }

# A number alone may belong to another process by now, so its command line must also name our folder.
is_ours() {
  local pid=$1 folder=$2 command
  [[ $pid =~ ^[0-9]+$ ]] || return 1
  command=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") || return 1
  [[ $command == *"$folder"* ]]
}

first_line() { [[ -r $1 ]] && head -n 1 "$1"; }

# Ends the process whose id FILE records, and waits until it is gone.
stop_recorded() {
  local file=$1 signal=$2 folder=$3 pid waited
  pid=$(first_line "$file") || return 0
  for signal in "$signal" KILL; do
    is_ours "$pid" "$folder" || return 0
    kill "-$signal" "$pid" 2>/dev/null || true
    for ((waited = 0; waited < STOP_DEADLINE * 10; waited++)); do
      is_ours "$pid" "$folder" || return 0
      sleep 0.1
    done
    note "process $pid did not end within $STOP_DEADLINE s of SIG$signal"
  done
  die "process $pid (\`$folder\`) does not end"
}

fail_with_log() {
  note "the end of $LOG:"
  tail -n 30 "$LOG" >&2 || true
  die "$1"
}

# Below 32768, where Linux begins to hand out ports for outgoing connections.
random_port() { echo $((20000 + RANDOM % 12000)); }

random_password() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

# The body of a 200 answer from PORT on loopback. Bash alone, because curl is not on every machine.
http_get() {
  # shellcheck disable=SC2016 # the inner bash expands its own arguments
  timeout 10 bash -c '
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf "GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n" "$2" >&3
    read -r _ status _ <&3
    [[ $status == 200 ]] && cat <&3
  ' http_get "$1" "$2" 2>/dev/null
}

# --- what a server tells the tests -------------------------------------------------------------------------------

# state/NAME holds one server's variables; the env file is all of them.
record_env() {
  local name=$1 pair
  shift
  for pair in "$@"; do
    printf 'export %s=%q\n' "${pair%%=*}" "${pair#*=}"
  done >"$DIR/state/$name"
  (umask 077 && cat "$DIR"/state/* >"$ENV_FILE.new")
  mv "$ENV_FILE.new" "$ENV_FILE"
}

recorded() {
  local name=$1 variable=$2
  [[ -r $DIR/state/$name ]] || return 1
  (
    # shellcheck source=/dev/null
    . "$DIR/state/$name"
    [[ -v $variable ]] && printf '%s' "${!variable}"
  )
}

report() { printf '%-14s %-16s %s\n' "$1" "$2" "$3"; }

# --- packages ----------------------------------------------------------------------------------------------------

# Installs Debian packages, or says how to. Callers name only what is missing.
install_packages() {
  (($# > 0)) || return 0
  have apt-get || die "missing: $*" "dev/up installs from Debian's packages; elsewhere install these by hand"
  ((EUID == 0)) || die "these packages are missing: $*" "sudo apt-get install --no-install-recommends $*"
  note "installing $*"
  LOG=$DIR/log/packages.log
  local apt=(apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600) status=0
  # A third-party list that is down must not stop us: the installation judges.
  "${apt[@]}" update </dev/null >>"$LOG" 2>&1 9<&- || note "apt-get update reported errors, see $LOG"
  without_postgres_cluster env DEBIAN_FRONTEND=noninteractive \
    "${apt[@]}" install -y --no-install-recommends "$@" </dev/null >>"$LOG" 2>&1 9<&- || status=$?
  ((status == 0)) || fail_with_log "cannot install $*"
}

# Debian's postgresql creates and starts a cluster of its own at installation, on port 5432. Nobody asked for that.
without_postgres_cluster() {
  local setting=/etc/postgresql-common/createcluster.d/trendy-dev.conf status=0
  mkdir -p "${setting%/*}"
  echo 'create_main_cluster = false' >"$setting"
  "$@" || status=$?
  rm -f "$setting"
  return "$status"
}
