# Reads what `cargo test` printed. Prints a line `NAME COUNT` for each kind of server, counting the passed tests of
# tests/it whose module path names it, and a line `total N passed, N failed` over all test binaries.
BEGIN { kinds = split("postgres elasticsearch browser selenium sqlite", kind, " ") }

{ gsub(/\033\[[0-9;]*m/, "") }

# Unit tests may lie in a module of such a name as well, and use no server.
/^ *Running / { counting = /Running tests\/it[\/.]/ }
/^ *Doc-tests / { counting = 0 }

counting && /^test .* \.\.\. ok$/ {
  path = $2
  # The last part names the test, not where it runs: `sqlite::refuses_a_postgres_url`.
  sub(/(::)?[^:]+$/, "", path)
  for (k = 1; k <= kinds; k++) if (index(path, kind[k])) count[kind[k]]++
}

/^test result: / { passed += $4; failed += $6 }

END {
  for (k = 1; k <= kinds; k++) printf "%s %d\n", kind[k], count[kind[k]]
  printf "total %d passed, %d failed\n", passed, failed
}
