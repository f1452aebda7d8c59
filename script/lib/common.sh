# shellcheck shell=bash
# What all scripts share, and the one file that they source: where things are, what is printed, and the rest of this
# folder. Changes the working directory to the top of the project.

project_root=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
script_lib=$project_root/script/lib
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

# say LINE: announces the next step.
say() {
    printf '==> %s\n' "$*"
}

# note LINE: a remark on the line before.
note() {
    printf '    %s\n' "$*"
}

# usage: the comment at the head of the script that was called.
usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "script/${0##*/}"
}

# die LINE...: says what is wrong and how to fix it, and exits.
die() {
    printf 'error: %s\n' "$@" >&2
    exit 1
}

# quietly COMMAND...: shows the output of the command only if it fails.
quietly() {
    local printed
    printed=$("$@" 2>&1) || {
        printf '%s\n' "$printed" >&2
        return 1
    }
}

# shellcheck source-path=SCRIPTDIR source=tools.sh
. "$script_lib/tools.sh"
# shellcheck source-path=SCRIPTDIR source=services.sh
. "$script_lib/services.sh"
# shellcheck source-path=SCRIPTDIR source=build.sh
. "$script_lib/build.sh"
# shellcheck source-path=SCRIPTDIR source=chaos.sh
. "$script_lib/chaos.sh"
