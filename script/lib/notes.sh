# shellcheck shell=bash
# The service behind the application: examples/notes. Sourced by lib/ready.sh.

# build_notes [OPTION...]: with --release, a release build. The server is named as well, so that Cargo gives what both
# depend on the same features, and compiles it once for both.
build_notes() {
    cargo build --locked --package tokenlife --package notes --no-default-features --features tokenlife/ssr --bin notes "$@"
}

# notes_binary PROFILE
notes_binary() {
    printf '%s/%s/notes' "$(target_dir)" "$1"
}

# run_along COMMAND...: runs it alongside this script and whatever this turns into by exec, and stops it when that has
# ended, however it did: the only write end of the pipe is closed then.
run_along() {
    exec 9> >(
        trap '' INT
        "$@" 9>&- &
        cat >/dev/null
        kill $! 2>/dev/null
        wait $!
    )
}

# run_notes_along PROFILE: for the application as Leptos.toml and the environment set it up.
run_notes_along() {
    local address=${LEPTOS_SITE_ADDR:-} issuer=${TOKENLIFE__HTTP__PUBLIC_URL:-}
    address=${address:-$(setting site-addr)}
    issuer=${issuer:-$(setting public_url)}
    run_along "$(notes_binary "$1")" --issuer "${issuer:-http://$address}" \
        --jwks "http://$address/.well-known/jwks.json"
}

# setting KEY: its value in Leptos.toml, if it is set there.
setting() {
    sed -n "s/^$1 = \"\([^\"]*\)\".*/\1/p" Leptos.toml | head -n 1
}
