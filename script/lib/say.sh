# shellcheck shell=bash
# How the scripts speak. Sourced by lib/ready.sh.

# say LINE: one line about what happens next.
say() {
    printf '==> %s\n' "$*"
}

# note LINE: a remark that belongs to the line before.
note() {
    printf '    %s\n' "$*"
}

# die LINE...: what is wrong, and how to mend it.
die() {
    printf 'error: %s\n' "$@" >&2
    exit 1
}
