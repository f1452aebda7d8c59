# shellcheck shell=bash
# The release build. Sourced by lib/common.sh.

# Not the site-root of Cargo.toml: `cargo leptos watch` empties that one, and fills it with a debug build whose file names
# have no hashes.
release_site=target/site-release
site_root=$project_root/$release_site

# Leptos compiles this name in; a build without it would look for files of other names.
export LEPTOS_OUTPUT_NAME=tokenlife

release_binary() {
    printf '%s/release/tokenlife' "$(target_dir)"
}

# Cargo decides by a file's modification time whether to recompile it. Where several checkouts share one target folder,
# an older file of this checkout would pass for what another one compiled, so the files are touched.
guard_shared_target() {
    local target stamp
    target=$(target_dir)
    stamp=$target/tokenlife-checkout
    if [[ -e $stamp && $(<"$stamp") == "$project_root" ]]; then
        return
    fi
    mkdir -p "$target"
    if [[ $target != "$project_root"/* ]]; then
        find . \( -name .git -o -name node_modules -o -name target \) -prune -o -name '*.rs' -exec touch {} +
    fi
    printf '%s\n' "$project_root" >"$stamp"
}

# release_inputs: a checksum of everything the release build depends on.
release_inputs() {
    {
        rustc -vV
        printf '%s\n' "$project_root" "$(pinned cargo-leptos)" "$(locked_version wasm-bindgen)"
        find . \( -path ./.git -o -path ./.githooks -o -path ./.ci -o -path ./.github -o -path ./bench -o -path ./data \
            -o -path ./deploy -o -path ./docs -o -path ./end2end -o -path ./examples -o -path ./fuzz -o -path ./target \
            -o -path ./tests -o -name node_modules \) -prune -o -type f ! -name '*.md' -print0 |
            LC_ALL=C sort -z | xargs -0 cksum
    } | cksum
}

# flags_for_browser: compiler flags that shorten the places that panics name: every browser would load where this machine
# keeps the sources of crates. Our own sources have short names already.
flags_for_browser() {
    local sources=$cargo_home/registry/src
    # Cargo takes a blank for the end of a flag.
    if [[ $sources != *[[:space:]]* ]]; then
        printf -- '--remap-path-prefix=%s=' "$sources"
    fi
}

# build_release: the server at $(release_binary), the site in $site_root, its files under hashed names.
# cargo-leptos compresses them with gzip, and with Brotli at the highest quality, 11.
build_release() {
    local binary hashes inputs built
    guard_shared_target
    binary=$(release_binary)
    hashes=$(dirname -- "$binary")/hash.txt
    built=$(dirname -- "$binary")/tokenlife-inputs
    inputs=$(release_inputs)
    if [[ -x $binary && -e $built && $(<"$built") == "$inputs" ]] && site_belongs_to "$hashes"; then
        note "Nothing has changed since the last release build."
        return
    fi
    rm -f "$built"
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=$(flags_for_browser) \
        LEPTOS_HASH_FILES=true LEPTOS_SITE_ROOT=$release_site \
        cargo-leptos build --release --split --precompress --cargo-locked
    [[ -x $binary ]] || die "the build did not leave $binary"
    printf '%s\n' "$inputs" >"$built"
}

# check_site: whether what every visitor loads before a page comes alive is as small as it is to be, and whether nothing
# that is loaded names a folder of this machine. The aim is 150,000 bytes; splitting orders things differently each time,
# and Brotli makes up to 300 bytes more or less of that.
check_site() {
    local limit=150300 hash size
    hash=$(sed -n 's/^wasm: //p' "$(target_dir)/release/hash.txt")
    size=$(wc -c <"$site_root/pkg/tokenlife.$hash.wasm.br")
    note "The core of the WASM has $size bytes (Brotli); at most $limit."
    if grep -lF -e "$project_root" -e "$cargo_home" "$site_root"/pkg/*; then
        note "These files name folders of this machine. A RUSTFLAGS in the environment can be the reason."
        return 1
    fi
    ((size <= limit))
}

# site_belongs_to HASHES: whether the site is there, and is the one whose hashes lie beside the binary.
site_belongs_to() {
    [[ -e $1 && -e $site_root/pkg/tokenlife.$(sed -n 's/^js: //p' "$1").js ]]
}

# use_release: sets what a release binary needs to find its site, from any folder.
use_release() {
    export LEPTOS_HASH_FILES=true LEPTOS_SITE_ROOT=$site_root
}
