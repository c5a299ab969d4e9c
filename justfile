# Lists the recipes.
default:
    @just --list

# What CI runs: servers up, format, lints, tests on real servers, servers down.
ci:
    dev/test

# Servers for tests: up, and their addresses for this shell.
up:
    dev/up

# Servers down.
down:
    dev/down

# The quick round: format, lints, unit tests. No server needed.
quick:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo test --lib --bins

# The main job, on saved sites.
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# The crawl's speed and memory beside other crawlers (minutes; see bench/README.md).
bench *ARGS:
    bench/crawl {{ARGS}}

# Publishing beside other clients of Elasticsearch (minutes; needs `. target/dev-services/env`, see bench/README.md).
bench-publish *ARGS:
    bench/publish {{ARGS}}

# How fast the stores load, beside a bare COPY (minutes; needs the servers).
bench-load *ARGS:
    bench/load {{ARGS}}

# The speed of finding technologies, beside regular expressions, flashtext and spaCy; and of a page, tree to record.
bench-texts:
    bench/terms
    cargo bench --quiet --bench page

# What share is right of cases that nothing was tuned on; kept in docs/accuracy.md.
accuracy:
    TRENDY_ACCURACY=docs/accuracy.md cargo test -q --test accuracy -- --nocapture

# Accept changed snapshots (reads them first: `git diff`).
accept:
    INSTA_UPDATE=always cargo test

# Files made from the code.
generate:
    mkdir -p docs/schema
    cargo run -q -- schema pipeline > docs/schema/pipeline.json
    cargo run -q -- schema schedule > docs/schema/schedule.json
    cargo run -q -- schema settings > docs/schema/settings.json

# Licences and advisories of the dependencies (needs `cargo install cargo-deny`).
deny:
    cargo deny check
