# shellcheck shell=bash
# What npm installs: wasm-opt, and the packages of the browser tests. Sourced by lib/ready.sh.

oldest_node=20

ready_node() {
    local actual=
    if have node; then
        actual=$(node --version)
        actual=${actual#v}
    fi
    if [[ -z $actual ]] || ! have npm || ((${actual%%.*} < oldest_node)); then
        missing "Node $oldest_node or newer with npm" "the command on https://nodejs.org/en/download"
    fi
}

# npm_ci FOLDER: installs exactly what the lock file says.
npm_ci() {
    (cd -- "$1" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --no-update-notifier --loglevel=error)
}

# Debian's wasm-opt is too old for current WebAssembly, and not every system has one.
ready_wasm_opt() {
    local version own unfinished
    version=$(sed -n 's/.*"binaryen": "\(.*\)".*/\1/p' script/tools/package.json)
    own=$cache_dir/tools/binaryen-$version
    if [[ ! -x $own/node_modules/.bin/wasm-opt ]]; then
        say "wasm-opt $version: npm ci (seconds)"
        mkdir -p "$cache_dir/tools"
        unfinished=$(mktemp -d "$cache_dir/tools/unfinished.XXXXXX")
        cp script/tools/package.json script/tools/package-lock.json "$unfinished"
        npm_ci "$unfinished"
        rm -rf "$own"
        mv "$unfinished" "$own"
    fi
    put_on_path "$own/node_modules/.bin"
}

# npm writes .package-lock.json once it has installed everything.
ready_browser_tests() {
    if [[ end2end/node_modules/.package-lock.json -nt end2end/package-lock.json ]]; then
        return
    fi
    say "Browser tests: npm ci in end2end/ (seconds)"
    npm_ci end2end
}
