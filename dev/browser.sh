# shellcheck shell=bash
# Chromium and chromedriver. Nothing is left running: trendy starts its own driver, this only makes sure it can.

browser_packages() {
  have chromium || echo chromium
  have chromedriver || echo chromium-driver
}

# `Chromium 140.0.7339.127 built on …` and `ChromeDriver 140.0.7339.127 (…)` both have the version second.
browser_version() { "$1" --version 2>/dev/null | cut -d ' ' -f 2; }

browser_running() { recorded browser TRENDY_TEST_CHROMIUM >/dev/null && browser_matches; }

# A driver speaks to the browser of its own major version only.
browser_matches() {
  local browser driver
  browser=$(browser_version chromium)
  driver=$(browser_version chromedriver)
  [[ -n $browser && ${browser%%.*} == "${driver%%.*}" ]]
}

browser_start() {
  browser_matches ||
    die "chromium $(browser_version chromium) and chromedriver $(browser_version chromedriver) do not match" \
      "install both from the same source"
  record_env browser "TRENDY_TEST_CHROMEDRIVER=$(command -v chromedriver)" "TRENDY_TEST_CHROMIUM=$(command -v chromium)"
}

browser_stop() { :; }

browser_report() {
  report browser "$(browser_version chromium)" \
    "$(recorded browser TRENDY_TEST_CHROMIUM), $(recorded browser TRENDY_TEST_CHROMEDRIVER)"
}
