# shellcheck shell=bash
# nginx and openssl, for the tests of deploy/nginx.conf. Sourced by lib/ready.sh.

# Debian installs nginx outside the PATH of ordinary users.
find_nginx() {
    PATH=$PATH:/usr/sbin:/usr/local/sbin command -v nginx
}

# Unpacked, not installed: Debian's package would start a web server on port 80.
ready_nginx() {
    local own=$cache_dir/tools/nginx unfinished
    if ! have openssl && is_root_on_debian; then
        say "openssl: apt-get install openssl (seconds)"
        apt_install openssl
    fi
    if ! find_nginx >/dev/null && [[ ! -x $own/usr/sbin/nginx ]] && is_root_on_debian; then
        say "nginx: apt-get download nginx (seconds)"
        mkdir -p "$cache_dir/tools"
        unfinished=$(mktemp -d "$cache_dir/tools/unfinished.XXXXXX")
        apt_unpack nginx "$unfinished"
        rm -rf "$own"
        mv "$unfinished" "$own"
    fi
    if [[ -x $own/usr/sbin/nginx ]]; then
        put_on_path "$own/usr/sbin"
    elif find_nginx >/dev/null; then
        put_on_path "$(dirname -- "$(find_nginx)")"
    fi
}

# nginx_is_missing: prints what to install; fails if nothing is missing.
nginx_is_missing() {
    if [[ $(uname -s) != Linux ]]; then
        printf 'it needs Linux'
    elif ! have nginx || ! have openssl; then
        printf 'it needs nginx and openssl: %s' "$(how_to_install "nginx openssl")"
    else
        return 1
    fi
}
