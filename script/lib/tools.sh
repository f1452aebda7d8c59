# shellcheck shell=bash
# Makes everything ready that is needed to build: the system's packages, Rust, and the tools of pinned versions.
# Each ready_* does nothing if its piece is already there. Sourced by lib/common.sh.

# ready_to compile | build | browse: each includes the one before it. Everything the system lacks is reported at once,
# before the long steps begin.
ready_to() {
    ready_c_compiler
    ready_rustup
    if [[ $1 != compile ]]; then
        ready_node
    fi
    if [[ $1 == browse ]]; then
        ready_chromium
    fi
    stop_if_missing
    ready_rust
    if [[ $1 == compile ]]; then
        return
    fi
    ready_cargo_leptos
    ready_wasm_bindgen
    ready_wasm_opt
    if [[ $1 == browse ]]; then
        ready_browser_tests
    fi
}

# --- Packages of the system: on Debian as root they are installed; elsewhere all missing ones are listed at once.

missing_pieces=0
apt_lists_are_fresh=

# missing WHAT COMMAND: reports one missing piece, in one line.
missing() {
    printf 'missing: %s. Install it with: %s\n' "$1" "$2" >&2
    missing_pieces=$((missing_pieces + 1))
}

# stop_if_missing: exits if anything is missing.
stop_if_missing() {
    if ((missing_pieces > 0)); then
        exit 1
    fi
}

is_debian() {
    have apt-get && [[ -r /etc/os-release ]] && (. /etc/os-release && [[ ${ID:-} == debian ]])
}

is_root_on_debian() {
    [[ $(id -u) == 0 ]] && is_debian
}

# apt_install PACKAGE...
apt_install() {
    if [[ -z $apt_lists_are_fresh ]]; then
        quietly apt-get update -qq || return 1
        apt_lists_are_fresh=yes
    fi
    quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# apt_unpack PACKAGE FOLDER: unpacks a package without installing it. As root, because apt's own user may not write there.
apt_unpack() {
    local downloads unpacked=0
    downloads=$(mktemp -d)
    if [[ -z $apt_lists_are_fresh ]]; then
        quietly apt-get update -qq || return 1
        apt_lists_are_fresh=yes
    fi
    (cd -- "$downloads" && quietly apt-get download -qq -o APT::Sandbox::User=root "$1") &&
        dpkg-deb --extract "$downloads"/*.deb "$2" || unpacked=1
    rm -rf "$downloads"
    return "$unpacked"
}

# how_to_install DEBIAN_PACKAGES [PACKAGES_ELSEWHERE]: the command for this system.
how_to_install() {
    local elsewhere=${2:-$1}
    if have apt-get; then
        printf 'sudo apt-get install %s' "$1"
    elif have dnf; then
        printf 'sudo dnf install %s' "$elsewhere"
    elif have pacman; then
        printf 'sudo pacman -S %s' "$elsewhere"
    else
        printf 'your package manager (%s)' "$elsewhere"
    fi
}

# A C compiler, make and Perl: aws-lc and SQLite are compiled from C, and cargo-leptos builds its own OpenSSL.
ready_c_compiler() {
    if have cc && have make && perl -MIPC::Cmd -e 1 2>/dev/null; then
        return
    fi
    if is_root_on_debian; then
        say "C compiler: apt-get install build-essential (about 1 minute)"
        apt_install build-essential
    elif [[ $(uname -s) == Darwin ]]; then
        missing "a C compiler with make and Perl" "xcode-select --install"
    else
        missing "a C compiler with make and Perl" "$(how_to_install build-essential "gcc make perl")"
    fi
}

# --- Rust: recent enough, with Clippy and rustfmt, and able to compile for the browser.

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

# --- Tools of pinned versions: fetched if there is a prebuilt one, or compiled by Cargo.

# pinned TOOL: its version.
pinned() {
    awk -v tool="$1" '$1 == tool { print $2; exit }' script/tools/versions
}

# prebuilt_file TOOL: the SHA-256 and the source of its prebuilt file for this platform; nothing if there is none.
prebuilt_file() {
    awk -v tool="$1" -v platform="$(uname -s)-$(uname -m)" '
        /^[^# ]/ { in_tool = $1 == tool }
        /^ / && in_tool && ($1 == platform || $1 == "any") { print $2, $3; exit }
    ' script/tools/versions
}

# fetch SOURCE FOLDER: downloads one file. A single attempt that soon gives up where there is no connection.
fetch() {
    case $1 in
    https://*) curl --fail --silent --location --proto =https --connect-timeout 5 --max-time 300 --output "$2/${1##*/}" "$1" ;;
    npm:*) npm pack --silent --fetch-retries=0 --fetch-timeout=60000 --pack-destination "$2" "${1#npm:}" ;;
    pypi:*) python3 -m pip --quiet download --no-deps --only-binary :all: --retries 0 --timeout 5 --dest "$2" "${1#pypi:}" ;;
    esac >/dev/null 2>&1
}

# sha256 FILE
sha256() {
    if have sha256sum; then
        sha256sum -- "$1"
    else
        shasum -a 256 -- "$1"
    fi | cut -d ' ' -f 1
}

# unpack FILE FOLDER
unpack() {
    case $1 in
    *.whl) python3 -m zipfile -e "$1" "$2" ;;
    *) tar -xzf "$1" -C "$2" ;;
    esac
}

# fetch_prebuilt TOOL FOLDER: unpacks the tool's prebuilt file into FOLDER. Fails, and says why, if there is none for this
# platform, if it cannot be fetched, or if it does not have the SHA-256 that is pinned.
fetch_prebuilt() {
    local wanted source downloads file result=1
    if ! read -r wanted source < <(prebuilt_file "$1"); then
        note "script/tools/versions has no prebuilt one for this platform."
        return 1
    fi
    downloads=$(mktemp -d)
    if ! fetch "$source" "$downloads" || ! file=$(compgen -G "$downloads/*"); then
        note "The prebuilt one cannot be fetched: $source"
    elif [[ $(sha256 "$file") != "$wanted" ]]; then
        note "The prebuilt one is not used, for its SHA-256 is not the pinned one: $source"
    else
        mkdir -p "$2"
        unpack "$file" "$2" && result=0
    fi
    rm -rf "$downloads"
    return "$result"
}

# install_prebuilt TOOL COMMAND VERSION FOLDER: puts the command from the tool's prebuilt file into FOLDER, if it runs here.
install_prebuilt() {
    local unpacked found result=1
    unpacked=$(mktemp -d)
    if fetch_prebuilt "$1" "$unpacked"; then
        found=$(find "$unpacked" -type f -name "$2")
        chmod +x "$found"
        if [[ $(tool_version "$found") == "$3" ]]; then
            mkdir -p "$4"
            mv "$found" "$4/$2"
            result=0
        else
            note "The prebuilt one does not run here."
        fi
    fi
    rm -rf "$unpacked"
    return "$result"
}

# tool_version COMMAND: the version of the first one on PATH; nothing if there is none.
tool_version() {
    "$1" --version 2>/dev/null | awk 'NR == 1 { print $2 }'
}

# locked_version CRATE: its version in Cargo.lock.
locked_version() {
    awk -v wanted="name = \"$1\"" '$0 == wanted { getline; gsub(/version = |"/, ""); print; exit }' Cargo.lock
}

# system_has_openssl: whether the system's OpenSSL can be linked. cargo-leptos brings one along, for cargo-generate, and
# compiles it from C if that is not forbidden.
system_has_openssl() {
    if ! pkg-config --exists 'openssl >= 3 openssl < 4' 2>/dev/null && is_root_on_debian; then
        apt_install libssl-dev pkg-config || return 1
    fi
    pkg-config --exists 'openssl >= 3 openssl < 4' 2>/dev/null
}

# compile_tool CRATE VERSION [OPTION...]
# Overrides the tool's own release profile: not optimized, it is compiled in less than half the time. An interrupted build
# resumes.
compile_tool() {
    local build=$cache_dir/build/$1-$2 no_vendor=0
    if [[ $1 == cargo-leptos ]] && system_has_openssl; then
        no_vendor=1
    fi
    env -u RUSTFLAGS OPENSSL_NO_VENDOR=$no_vendor \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
        cargo install "$1@$2" "${@:3}" --target-dir "$build"
    rm -rf "$build"
}

# ready_cargo_tool CRATE COMMAND VERSION DURATION [OPTION...]: DURATION and the options are those of compiling it. An
# installed tool of another version is left alone; ours then goes into the cache, for these scripts only.
ready_cargo_tool() {
    local crate=$1 command=$2 version=$3 duration=$4 own root=$cargo_install_root
    shift 4
    own=$cache_dir/tools/$crate-$version
    if [[ -x $own/bin/$command ]]; then
        put_on_path "$own/bin"
    fi
    if [[ $(tool_version "$command") == "$version" ]]; then
        return
    fi
    say "$crate $version"
    if have "$command"; then
        note "$(command -v "$command") is another version and is left alone; this one goes to $own"
        note "To use it yourself: export PATH=\"$own/bin:\$PATH\""
        root=$own
        set -- "$@" --root "$own"
    fi
    if ! install_prebuilt "$crate" "$command" "$version" "$root/bin"; then
        note "cargo install compiles it: $duration."
        compile_tool "$crate" "$version" "$@"
    fi
    if [[ -x $own/bin/$command ]]; then
        put_on_path "$own/bin"
    fi
    hash -r
    [[ $(tool_version "$command") == "$version" ]] || die "$command $version was installed, but $(command -v "$command") comes first on PATH"
}

# What compresses and takes WASM apart works for long enough to be optimized.
ready_cargo_leptos() {
    ready_cargo_tool cargo-leptos cargo-leptos "$(pinned cargo-leptos)" "4 to 8 minutes on 2 cores, the first time only" --locked \
        --config profile.release.package.brotli.opt-level=3 --config profile.release.package.miniz_oxide.opt-level=3 \
        --config profile.release.package.wasmparser.opt-level=1
}

# Must be exactly the version that the code is compiled with. Not --locked: its lock file may name yanked versions.
ready_wasm_bindgen() {
    ready_cargo_tool wasm-bindgen-cli wasm-bindgen "$(locked_version wasm-bindgen)" "2 to 3 minutes on 2 cores, once for each version" --bin wasm-bindgen
}

ready_cargo_deny() {
    ready_cargo_tool cargo-deny cargo-deny "$(pinned cargo-deny)" "2 to 5 minutes on 2 cores, the first time only" --locked
}

# --- Node and what runs in it: wasm-opt, and the packages of the browser tests.

ready_node() {
    local actual='' oldest
    oldest=$(pinned node)
    if have node; then
        actual=$(node --version)
        actual=${actual#v}
    fi
    if [[ -z $actual ]] || ! have npm || ((${actual%%.*} < oldest)); then
        missing "Node $oldest or newer with npm" "the command on https://nodejs.org/en/download"
    fi
}

# npm_ci FOLDER: installs exactly what the lock file says.
npm_ci() {
    (cd -- "$1" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --no-update-notifier --loglevel=error)
}

ready_wasm_opt() {
    local version own unfinished
    version=$(pinned binaryen)
    own=$cache_dir/tools/binaryen-$version
    if [[ ! -x $own/package/bin/wasm-opt ]]; then
        say "wasm-opt $version: npm pack (seconds)"
        mkdir -p "$cache_dir/tools"
        unfinished=$(mktemp -d "$cache_dir/tools/unfinished.XXXXXX")
        fetch_prebuilt binaryen "$unfinished" || die "there is no wasm-opt; it comes from the npm registry"
        chmod +x "$unfinished/package/bin/wasm-opt"
        rm -rf "$own"
        mv "$unfinished" "$own"
    fi
    put_on_path "$own/package/bin"
}

# npm writes .package-lock.json once it has installed everything.
ready_browser_tests() {
    if [[ end2end/node_modules/.package-lock.json -nt end2end/package-lock.json ]]; then
        return
    fi
    say "Browser tests: npm ci in end2end/ (seconds)"
    npm_ci end2end
}
