# shellcheck shell=bash
# The genuine Elasticsearch server from Maven Central, with what that build leaves out (see elasticsearch/plugin/).

# A new version here means new checksums below, and the same version in deploy/elasticsearch.Dockerfile.
ES_VERSION=8.19.21
ES_ZIP=org.elasticsearch.distribution.integ-test-zip:elasticsearch:$ES_VERSION:zip
ES_ZIP_SHA512=cf6b0a93860d329937ae7f913ec5073b0c726c77639764b93fc83a304aa1dd9d4defcfa2849948eea3b0b47c2065f994908603939fc2a4774c9c4d868c5ec1dd
# The version of Lucene in the server's lib/.
NORI_JAR=org.apache.lucene:lucene-analysis-nori:9.12.2:jar
NORI_JAR_SHA512=bede394c43e25f8d8e010d4114ceb95156c43c4116ab32d5c8f6d14e7ab69f6bd7fb43bceed0eff926fa82fb65f45188a2d413eb680e15774a73e63e314fd8f4

# Debian's default Java is one that the server supports (17 on bookworm, 21 on trixie); whatever else is installed on
# a machine may be too old or too new.
ES_JAVA=/usr/lib/jvm/default-java

# Shared by all checkouts, and kept by dev/down.
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/trendy-dev

elasticsearch_packages() {
  [[ -x $ES_JAVA/bin/javac ]] || echo default-jdk-headless
  have mvn || echo maven
  have unzip || echo unzip
}

# Fetches `group:artifact:version:type` and prints where it lies. Through Maven, since a machine behind a proxy or a
# mirror has that one configured; into a folder of its own, since the path under ~/.m2 is a setting.
maven_artifact() {
  local coordinates=$1 sha512=$2 group artifact version type path
  IFS=: read -r group artifact version type <<<"$coordinates"
  path=$CACHE/maven/${group//.//}/$artifact/$version/$artifact-$version.$type
  for attempt in 1 2 3; do
    if sha512sum --check --status <<<"$sha512  $path" 2>/dev/null; then
      echo "$path"
      return 0
    fi
    rm -f "$path"
    note "downloading $artifact $version"
    JAVA_HOME=$ES_JAVA timeout 900 mvn --batch-mode --quiet --strict-checksums -Dstyle.color=never \
      -Dmaven.repo.local="$CACHE/maven" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get \
      -Dtransitive=false -Dartifact="$coordinates" </dev/null >>"$LOG" 2>&1 || sleep $((attempt * 5))
  done
  return 1
}

elasticsearch_running() {
  local url
  is_ours "$(first_line "$SERVERS/elasticsearch/pid")" "$SERVERS/elasticsearch" &&
    recorded elasticsearch TRENDY_TEST_ELASTICSEARCH_HOME >/dev/null &&
    url=$(recorded elasticsearch TRENDY_TEST_ELASTICSEARCH_URL) &&
    http_get "${url##*:}" / >/dev/null
}

elasticsearch_start() {
  local home=$SERVERS/elasticsearch port
  LOG=$DIR/log/elasticsearch.log
  elasticsearch_stop
  fresh_folder "$home"
  elasticsearch_install "$home"

  # With -d the command returns once the server listens; if it dies before that, the server ends as well.
  # The launcher has its own idea of a temporary folder and leaves files there.
  detached env ES_JAVA_HOME="$ES_JAVA" ES_JAVA_OPTS='-Xms512m -Xmx512m' ES_TMPDIR="$home/tmp" \
    CLI_JAVA_OPTS="-Djava.io.tmpdir=$home/tmp" \
    timeout "$START_DEADLINE" "$home/bin/elasticsearch" -d -p "$home/pid" ||
    fail_with_log "Elasticsearch does not start"
  port=$(elasticsearch_port "$home")
  http_get "$port" '/_cluster/health?wait_for_status=yellow&timeout=9s' >/dev/null ||
    fail_with_log "Elasticsearch does not answer on port $port"
  # The files as well, for tests that start servers of their own from them.
  record_env elasticsearch "TRENDY_TEST_ELASTICSEARCH_URL=http://127.0.0.1:$port" \
    "TRENDY_TEST_ELASTICSEARCH_HOME=$home"
}

elasticsearch_install() {
  local home=$1 zip nori
  zip=$(maven_artifact "$ES_ZIP" "$ES_ZIP_SHA512") || fail_with_log "cannot download Elasticsearch"
  nori=$(maven_artifact "$NORI_JAR" "$NORI_JAR_SHA512") || fail_with_log "cannot download Lucene's Korean analysis"
  unzip -q "$zip" -d "$home/unpacked" >>"$LOG" 2>&1 || fail_with_log "cannot unpack Elasticsearch"
  mv "$home/unpacked/elasticsearch-$ES_VERSION"/* "$home"
  rmdir "$home/unpacked/elasticsearch-$ES_VERSION" "$home/unpacked"
  mkdir "$home/tmp"
  cp "$REPO/dev/elasticsearch/elasticsearch.yml" "$home/config/"

  local plugin=$home/plugins/analysis-nori
  mkdir -p "$plugin"
  cp "$nori" "$plugin/"
  # `default-java` is a link that can point to a newer Java than the server is told to expect.
  "$ES_JAVA/bin/javac" --release 17 -cp "$home/lib/*:$nori" -d "$home/tmp/classes" \
    "$REPO"/dev/elasticsearch/plugin/*.java >>"$LOG" 2>&1 || fail_with_log "cannot compile the development plugin"
  "$ES_JAVA/bin/jar" --create --file "$plugin/trendy-dev.jar" -C "$home/tmp/classes" .
  cat >"$plugin/plugin-descriptor.properties" <<-PROPERTIES
	name=analysis-nori
	description=Korean analysis and GET / for development
	version=$ES_VERSION
	elasticsearch.version=$ES_VERSION
	java.version=17
	classname=trendy.dev.DevPlugin
	PROPERTIES
  own "$home"
}

# The server asks the kernel for a free port and notes which one it got: see node.portsfile in elasticsearch.yml.
elasticsearch_port() { sed -n 's/^127\.0\.0\.1://p' "$1/logs/http.ports"; }

elasticsearch_stop() { stop_recorded "$SERVERS/elasticsearch/pid" TERM "$SERVERS/elasticsearch"; }

elasticsearch_report() {
  local url version
  url=$(recorded elasticsearch TRENDY_TEST_ELASTICSEARCH_URL)
  version=$(http_get "${url##*:}" / | sed -nE 's/.*"number" *: *"([^"]+)".*/\1/p')
  report elasticsearch "$version" "$url$1"
}
