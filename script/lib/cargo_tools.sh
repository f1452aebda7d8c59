# shellcheck shell=bash
# Tools compiled by Cargo: cargo-leptos, the wasm-bindgen command, cargo-deny. Sourced by lib/ready.sh.

cargo_leptos_version=0.3.10
cargo_deny_version=0.20.2

# tool_version COMMAND: the version of the first one on PATH; nothing if there is none.
tool_version() {
    "$1" --version 2>/dev/null | awk 'NR == 1 { print $2 }'
}

# locked_version CRATE: its version in Cargo.lock.
locked_version() {
    awk -v wanted="name = \"$1\"" '$0 == wanted { getline; gsub(/version = |"/, ""); print; exit }' Cargo.lock
}

# ready_cargo_tool CRATE COMMAND VERSION DURATION [OPTION...]
# Overrides the tool's own release profile: not optimized, it is compiled in less than half the time. An installed tool of
# another version is left alone; ours then goes into the cache, for these scripts only. An interrupted build resumes.
ready_cargo_tool() {
    local crate=$1 command=$2 version=$3 duration=$4 own build
    shift 4
    own=$cache_dir/tools/$crate-$version
    build=$cache_dir/build/$crate-$version
    if [[ -x $own/bin/$command ]]; then
        put_on_path "$own/bin"
    fi
    if [[ $(tool_version "$command") == "$version" ]]; then
        return
    fi
    say "$crate $version: cargo install ($duration)"
    if have "$command"; then
        note "$(command -v "$command") is another version and is left alone; this one goes to $own"
        note "To use it yourself: export PATH=\"$own/bin:\$PATH\""
        set -- "$@" --root "$own"
    fi
    env -u RUSTFLAGS \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
        cargo install "$crate@$version" "$@" --target-dir "$build"
    rm -rf "$build"
    if [[ -x $own/bin/$command ]]; then
        put_on_path "$own/bin"
    fi
    hash -r
    [[ $(tool_version "$command") == "$version" ]] || die "$command $version was installed, but $(command -v "$command") comes first on PATH"
}

# With --locked, 0.3.11 needs a newer Rust. What compresses and takes WASM apart works for long enough to be optimized.
ready_cargo_leptos() {
    ready_cargo_tool cargo-leptos cargo-leptos "$cargo_leptos_version" "6 to 12 minutes on 2 cores, the first time only" --locked \
        --config profile.release.package.brotli.opt-level=3 --config profile.release.package.miniz_oxide.opt-level=3 \
        --config profile.release.package.wasmparser.opt-level=1
}

# Must be exactly the version that the code is compiled with. Not --locked: its lock file may name yanked versions.
ready_wasm_bindgen() {
    ready_cargo_tool wasm-bindgen-cli wasm-bindgen "$(locked_version wasm-bindgen)" "2 to 3 minutes on 2 cores, once for each version" --bin wasm-bindgen
}

ready_cargo_deny() {
    ready_cargo_tool cargo-deny cargo-deny "$cargo_deny_version" "2 to 5 minutes on 2 cores, the first time only" --locked
}
