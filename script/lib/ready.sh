# shellcheck shell=bash
# Prepares everything: the one file that the scripts source. Each ready_* does nothing if its piece is already there.

script_lib=$(dirname -- "${BASH_SOURCE[0]}")
# shellcheck source-path=SCRIPTDIR source=say.sh
. "$script_lib/say.sh"
# shellcheck source-path=SCRIPTDIR source=paths.sh
. "$script_lib/paths.sh"
# shellcheck source-path=SCRIPTDIR source=system.sh
. "$script_lib/system.sh"
# shellcheck source-path=SCRIPTDIR source=rust.sh
. "$script_lib/rust.sh"
# shellcheck source-path=SCRIPTDIR source=cargo_tools.sh
. "$script_lib/cargo_tools.sh"
# shellcheck source-path=SCRIPTDIR source=npm_tools.sh
. "$script_lib/npm_tools.sh"
# shellcheck source-path=SCRIPTDIR source=browser.sh
. "$script_lib/browser.sh"
# shellcheck source-path=SCRIPTDIR source=nginx.sh
. "$script_lib/nginx.sh"
# shellcheck source-path=SCRIPTDIR source=postgres.sh
. "$script_lib/postgres.sh"
# shellcheck source-path=SCRIPTDIR source=build.sh
. "$script_lib/build.sh"
# shellcheck source-path=SCRIPTDIR source=chaos.sh
. "$script_lib/chaos.sh"
# shellcheck source-path=SCRIPTDIR source=notes.sh
. "$script_lib/notes.sh"

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
