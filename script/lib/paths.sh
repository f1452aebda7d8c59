# shellcheck shell=bash
# Where things are. Sourced by lib/ready.sh; leaves the working directory at the top of the project.

project_root=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
cargo_home=${CARGO_HOME:-$HOME/.cargo}
cargo_install_root=${CARGO_INSTALL_ROOT:-$cargo_home}

# What outlives a checkout: tools, and half-finished builds of tools.
cache_dir=${XDG_CACHE_HOME:-$HOME/.cache}/tokenlife

cd -- "$project_root" || exit

# have COMMAND: whether there is such a command.
have() {
    command -v "$1" >/dev/null 2>&1
}

# put_on_path FOLDER: its commands are found first.
put_on_path() {
    case ":$PATH:" in
    ":$1:"*) ;;
    *) PATH=$1:$PATH ;;
    esac
    export PATH
}

# Cargo's own folder of commands is on most people's PATH, but not on everyone's.
case ":$PATH:" in
*":$cargo_install_root/bin:"*) ;;
*) PATH=$PATH:$cargo_install_root/bin ;;
esac
export PATH

# target_dir: where Cargo puts what it builds, wherever that was set.
target_dir() {
    cargo metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}
