# shellcheck shell=bash
# Where things are. Sourced by lib/ready.sh; changes the working directory to the top of the project.

project_root=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
cargo_home=${CARGO_HOME:-$HOME/.cargo}
cargo_install_root=${CARGO_INSTALL_ROOT:-$cargo_home}

# What outlives a checkout: tools, and unfinished builds of tools.
cache_dir=${XDG_CACHE_HOME:-$HOME/.cache}/tokenlife

cd -- "$project_root" || exit

# have COMMAND: whether the command exists.
have() {
    command -v "$1" >/dev/null 2>&1
}

# put_on_path FOLDER: puts it first, unless it is on PATH already.
put_on_path() {
    case ":$PATH:" in
    ":$1:"*) ;;
    *) PATH=$1:$PATH ;;
    esac
    export PATH
}

# Cargo's bin folder is on most people's PATH, but not on everyone's.
case ":$PATH:" in
*":$cargo_install_root/bin:"*) ;;
*) PATH=$PATH:$cargo_install_root/bin ;;
esac
export PATH

# target_dir: where Cargo puts its build output, however that was configured.
target_dir() {
    cargo metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}
