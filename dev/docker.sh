# shellcheck shell=bash
# The same servers as containers, where a Docker engine runs. The functions have the names of postgres.sh and
# elasticsearch.sh and replace those, so that dev/up need not know which kind it starts.

# The project's name holds the folder: two checkouts on one machine must not meet.
PROJECT=trendy-dev-$(printf '%s' "$DIR" | sha256sum | head -c 10)
PASSWORD_FILE=$DIR/state/.password
[[ -e $PASSWORD_FILE ]] || random_password >"$PASSWORD_FILE"

compose() {
  TRENDY_DEV_PASSWORD=$(cat "$PASSWORD_FILE") docker compose --progress quiet --file "$REPO/dev/compose.yml" \
    --project-name "$PROJECT" "$@" </dev/null 9<&-
}

remove_containers() { compose down --volumes --remove-orphans --timeout "$STOP_DEADLINE"; }

container_start() {
  LOG=$DIR/log/$1.log
  compose up --build --wait --wait-timeout "$START_DEADLINE" "$1" >>"$LOG" 2>&1 || {
    compose logs --tail 30 "$1" >>"$LOG" 2>&1 || true
    fail_with_log "the container \`$1\` does not start"
  }
}

container_healthy() { [[ $(compose ps --format '{{.Health}}' "$1" 2>/dev/null) == healthy ]]; }

# compose.yml publishes on a port that Docker chooses; this prints it as 127.0.0.1:PORT.
container_address() { compose port "$1" "$2"; }

postgres_packages() { :; }
postgres_running() { recorded postgres TRENDY_TEST_DATABASE_URL >/dev/null && container_healthy postgres; }
postgres_query() { compose exec -T postgres psql -XAtq -U trendy -d trendy_test -c "$2"; }
postgres_stop() { :; }
postgres_start() {
  container_start postgres
  record_env postgres "TRENDY_TEST_DATABASE_URL=postgres://trendy:$(cat "$PASSWORD_FILE")@$(
    container_address postgres 5432
  )/trendy_test"
}

elasticsearch_packages() { :; }
elasticsearch_running() {
  recorded elasticsearch TRENDY_TEST_ELASTICSEARCH_IMAGE >/dev/null && container_healthy elasticsearch
}
elasticsearch_stop() { :; }
elasticsearch_start() {
  container_start elasticsearch
  # The image as well, for tests that start containers of their own from it.
  record_env elasticsearch "TRENDY_TEST_ELASTICSEARCH_URL=http://$(container_address elasticsearch 9200)" \
    "TRENDY_TEST_ELASTICSEARCH_IMAGE=$(docker inspect --format '{{.Image}}' "$(compose ps --quiet elasticsearch)")"
}
