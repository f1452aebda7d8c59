# shellcheck shell=bash
# Rust: recent enough, with Clippy and rustfmt, and able to compile for the browser. Sourced by lib/ready.sh.

wasm_target=wasm32-unknown-unknown
rust_channel=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)

# is_version_at_least WANTED ACTUAL
is_version_at_least() {
    [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]
}

rust_is_new_enough() {
    local wanted actual
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    actual=$(rustc --version 2>/dev/null | cut -d ' ' -f 2) && [[ -n $actual ]] && is_version_at_least "$wanted" "$actual"
}

rust_has_wasm() {
    local sysroot
    sysroot=$(rustc --print sysroot 2>/dev/null) &&
        compgen -G "$sysroot/lib/rustlib/$wasm_target/lib/libstd-*.rlib" >/dev/null
}

rust_has_components() {
    cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1
}

rust_is_ready() {
    rust_is_new_enough && rust_has_wasm && rust_has_components
}

# The usual way. rustup does much of this by itself from rust-toolchain.toml, except with RUSTUP_AUTO_INSTALL=0, or if
# the toolchain is installed but too old.
rust_by_rustup() {
    if ! rust_is_new_enough; then
        rustup toolchain install "$rust_channel" --profile minimal --no-self-update || return 1
    fi
    rustup target add "$wasm_target" || return 1
    rust_has_components || rustup component add clippy rustfmt
}

# The fallback, for a machine that can reach Debian's packages but not rustup's downloads: Debian's own compiler. It
# comes without a standard library for the browser, which is compiled here, once, from Debian's sources.
rust_by_debian() {
    local libraries=/usr/lib/rustlib/$wasm_target/lib crate host
    apt_install rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web lld-22 || return 1
    host=$(/usr/bin/rustc -vV | sed -n 's/^host: //p')
    mkdir -p "/usr/lib/rustlib/$host/bin"
    ln -sf /usr/lib/llvm-22/bin/lld "/usr/lib/rustlib/$host/bin/rust-lld"
    if ! compgen -G "$libraries/libstd-*.rlib" >/dev/null; then
        crate=$(mktemp -d)
        mkdir "$crate/src"
        : >"$crate/src/lib.rs"
        printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n' >"$crate/Cargo.toml"
        (
            cd -- "$crate" &&
                RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-22 \
                    /usr/bin/cargo build --quiet --release --target "$wasm_target" -Zbuild-std=std,panic_abort \
                    --target-dir target
        ) || return 1
        mkdir -p "$libraries"
        rm -f "$crate/target/$wasm_target/release/deps"/libempty-*.rlib
        cp "$crate/target/$wasm_target/release/deps"/*.rlib "$libraries" || return 1
        rm -rf "$crate"
    fi
    rustup toolchain link debian /usr || return 1
    export RUSTUP_TOOLCHAIN=debian
}

# A Rust installed some other way will do, if it has everything.
ready_rustup() {
    if ! have rustup && ! rust_is_ready; then
        missing "rustup" "the command on https://rustup.rs"
    fi
}

ready_rust() {
    # Only check: rustup must not install anything before the script has announced it.
    if RUSTUP_AUTO_INSTALL=0 rust_is_ready; then
        return
    fi
    if RUSTUP_TOOLCHAIN=debian rust_is_ready; then
        export RUSTUP_TOOLCHAIN=debian
        return
    fi
    say "Rust: the $rust_channel toolchain with Clippy, rustfmt and $wasm_target (under 1 minute)"
    if rust_by_rustup && rust_is_ready; then
        return
    fi
    if is_root_on_debian; then
        say "Rust: rustup failed; using Debian's own compiler instead (about 3 minutes)"
        if rust_by_debian && rust_is_ready; then
            return
        fi
    fi
    die "no Rust that compiles for $wasm_target. Fix it with: rustup toolchain install $rust_channel && rustup target add $wasm_target"
}
