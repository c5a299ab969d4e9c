# shellcheck shell=bash
# warcio, the reference reader of web archives, in a folder of its own, which goes with `dev/down`. Nothing is left running.

WARCIO_VERSION=1.8.1

warc_packages() {
  have python3 || echo python3
  # Debian's python3 has the module and lacks what it needs.
  python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

warc_running() { [[ -x $(recorded warc TRENDY_TEST_WARCIO) ]]; }

warc_start() {
  LOG=$DIR/log/warc.log
  { python3 -m venv "$DIR/warc" && "$DIR/warc/bin/pip" install --quiet "warcio==$WARCIO_VERSION"; } \
    </dev/null >>"$LOG" 2>&1 9<&- || fail_with_log "cannot install warcio"
  record_env warc "TRENDY_TEST_WARCIO=$DIR/warc/bin/warcio"
}

warc_stop() { rm -rf "$DIR/warc"; }

warc_report() { report warc "$WARCIO_VERSION" "$(recorded warc TRENDY_TEST_WARCIO)"; }
