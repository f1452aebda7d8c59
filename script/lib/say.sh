# shellcheck shell=bash
# What the scripts print. Sourced by lib/ready.sh.

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
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
}

# die LINE...: says what is wrong and how to fix it, and exits.
die() {
    printf 'error: %s\n' "$@" >&2
    exit 1
}
