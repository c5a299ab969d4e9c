# shellcheck shell=bash
# Selenium Grid from Maven Central, one process with Debian's Chromium behind it, on loopback only.

SELENIUM_VERSION=4.27.0

selenium_packages() {
  [[ -x $ES_JAVA/bin/java ]] || echo default-jdk-headless
  have mvn || echo maven
  browser_packages
}

selenium_running() {
  local url
  is_ours "$(first_line "$SERVERS/selenium/pid")" "$SERVERS/selenium" &&
    url=$(recorded selenium TRENDY_TEST_WEBDRIVER_URL) &&
    selenium_ready "${url##*:}"
}

# Ready means that a node with a browser has joined, not only that somebody listens.
selenium_ready() { http_get "$1" /status | tr -d ' \n' | grep -q '"ready":true'; }

selenium_start() {
  local home=$SERVERS/selenium
  LOG=$DIR/log/selenium.log
  selenium_stop
  fresh_folder "$home"
  selenium_install "$home"
  for attempt in 1 2 3; do
    selenium_try "$home" "$(random_port)" && return 0
    note "attempt $attempt failed, trying another port"
    selenium_stop
  done
  fail_with_log "the Selenium Grid does not start"
}

# Its jar files, gathered in one folder: Maven alone knows which fit together, and checks their checksums.
selenium_install() {
  local home=$1 project=$DIR/selenium-project
  mkdir -p "$project" "$home/lib" "$home/tmp"
  cp "$REPO/dev/selenium/pom.xml" "$project/pom.xml"
  note "downloading Selenium Grid $SELENIUM_VERSION, unless it is here already"
  JAVA_HOME=$ES_JAVA timeout 900 mvn --batch-mode --quiet --strict-checksums -Dstyle.color=never \
    -Dmaven.repo.local="$CACHE/maven" -Dselenium.version="$SELENIUM_VERSION" -f "$project/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$home/lib" \
    </dev/null >>"$LOG" 2>&1 9<&- || fail_with_log "cannot download Selenium Grid"
  rm -rf "$project"
  own "$home"
}

# More sessions than processors, since tests wait for pages more than they compute. The event bus of a Grid in one
# process needs no port of its own.
selenium_try() {
  local home=$1 port=$2 waited
  # shellcheck disable=SC2016 # the inner shell expands its own arguments
  as_server env HOME="$home" setsid sh -c 'echo $$ >"$1/pid"; shift; exec "$@"' selenium "$home" \
    "$ES_JAVA/bin/java" -Xmx256m -Djava.io.tmpdir="$home/tmp" -Dwebdriver.chrome.driver="$(command -v chromedriver)" \
    -cp "$home/lib/*" org.openqa.selenium.grid.Main standalone --host 127.0.0.1 --bind-host true --port "$port" \
    --selenium-manager false --driver-implementation chrome --max-sessions 4 --override-max-sessions true \
    --session-timeout 60 </dev/null >>"$LOG" 2>&1 9<&- &
  for ((waited = 0; waited < START_DEADLINE * 5; waited++)); do
    if selenium_ready "$port"; then
      record_env selenium "TRENDY_TEST_WEBDRIVER_URL=http://127.0.0.1:$port"
      return 0
    fi
    ((waited < 25)) || is_ours "$(first_line "$home/pid")" "$home" || return 1
    sleep 0.2
  done
  return 1
}

# The Grid ends its drivers and browsers by itself when it is asked to leave.
selenium_stop() { stop_recorded "$SERVERS/selenium/pid" TERM "$SERVERS/selenium"; }

selenium_report() { report selenium "$SELENIUM_VERSION" "$(recorded selenium TRENDY_TEST_WEBDRIVER_URL)$1"; }
