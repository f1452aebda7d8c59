# shellcheck shell=bash
# Packages of the system's package manager. Sourced by lib/ready.sh.
# On Debian as root they are installed; elsewhere all missing ones are listed at once.

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

# quietly COMMAND...: shows the output of the command only if it fails.
quietly() {
    local printed
    printed=$("$@" 2>&1) || {
        printf '%s\n' "$printed" >&2
        return 1
    }
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
