# The recipes only name what `tests/run` and cargo do; nothing depends on `just`.

# What every commit passes.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo test --workspace --locked

# Everything the README's test command runs.
test *args:
    tests/run {{args}}

# The real binary over loopback, and the pages in a browser.
e2e *args:
    cargo test --locked -p heirloom --test e2e -- {{args}}

# The three profiles in containers.
compose-test:
    tests/compose/run

# Side by side with git and rclone on the same tree.
bench *args:
    tests/bench/run {{args}}

# Take over changed snapshots after looking at them.
accept:
    cargo insta review

ci:
    .ci/run
