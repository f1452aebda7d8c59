# shellcheck shell=bash
# Makes everything ready: the one file that the scripts source. Each ready_* does nothing when its piece is there.

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
# shellcheck source-path=SCRIPTDIR source=build.sh
. "$script_lib/build.sh"

# ready_for PURPOSE...: compiling, building (compiling included), browsing. What the system lacks is told first and
# at once, before the long steps begin.
ready_for() {
    local purpose
    for purpose in "$@"; do
        case $purpose in
        compiling) ready_c_compiler ;;
        building)
            ready_c_compiler
            ready_node
            ;;
        browsing)
            ready_node
            ready_chromium
            ;;
        esac
    done
    stop_if_missing
    ready_rust
    for purpose in "$@"; do
        case $purpose in
        building)
            ready_cargo_leptos
            ready_wasm_bindgen
            ready_wasm_opt
            ;;
        browsing) ready_browser_tests ;;
        esac
    done
}
