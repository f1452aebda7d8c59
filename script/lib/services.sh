# shellcheck shell=bash
# What runs beside the application, in tests or for good: the notes service, Postgres, nginx, a browser.
# Sourced by lib/common.sh.

# --- The service behind the application: examples/notes.

# build_notes [OPTION...]: with --release, a release build. The server is built as well, or found to be up to date: what
# both depend on then has the same features, and the same link-time optimization, and is compiled once.
build_notes() {
    cargo build --locked --package tokenlife --package notes --no-default-features --features tokenlife/ssr --bins "$@"
}

# notes_binary PROFILE
notes_binary() {
    printf '%s/%s/notes' "$(target_dir)" "$1"
}

# run_along COMMAND...: runs it alongside this script and whatever this turns into by exec, and stops it when that has
# ended, however it did: the only write end of the pipe is closed then.
run_along() {
    exec 9> >(
        trap '' INT
        "$@" 9>&- &
        cat >/dev/null
        kill $! 2>/dev/null
        wait $!
    )
}

# run_notes_along PROFILE: for the application as Leptos.toml and the environment set it up.
run_notes_along() {
    local address=${LEPTOS_SITE_ADDR:-} issuer=${TOKENLIFE__HTTP__PUBLIC_URL:-}
    address=${address:-$(setting site-addr)}
    issuer=${issuer:-$(setting public_url)}
    run_along "$(notes_binary "$1")" --issuer "${issuer:-http://$address}" \
        --jwks "http://$address/.well-known/jwks.json"
}

# setting KEY: its value in Leptos.toml, if it is set there.
setting() {
    sed -n "s/^$1 = \"\([^\"]*\)\".*/\1/p" Leptos.toml | head -n 1
}

# --- A throwaway Postgres for tests: its own cluster in a temporary folder, reached by a socket in it.
# A script that starts one has to delete it: trap delete_postgres EXIT

postgres_folder=
export postgres_url=
# Data lost in a crash of the machine does not matter here.
postgres_settings="-c fsync=off -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB"

# find_postgres: the folder of the newest server's commands, which Debian does not put on PATH.
find_postgres() {
    local folder
    if have initdb && have pg_ctl; then
        dirname -- "$(command -v initdb)"
        return
    fi
    folder=$(compgen -G "/usr/lib/postgresql/*/bin" || compgen -G "/usr/pgsql-*/bin" ||
        compgen -G "/opt/homebrew/opt/postgresql*/bin") || return 1
    folder=$(sort -V <<<"$folder" | tail -n 1)
    [[ -x $folder/initdb ]] && printf '%s\n' "$folder"
}

ready_postgres() {
    local no_cluster=/etc/postgresql-common/createcluster.d/tokenlife.conf
    if find_postgres >/dev/null; then
        return
    fi
    if is_root_on_debian; then
        say "Postgres: apt-get install postgresql (about 1 minute)"
        # By default, the package creates a cluster that starts with the machine.
        mkdir -p "${no_cluster%/*}"
        printf 'create_main_cluster = false\n' >"$no_cluster"
        apt_install postgresql
        rm -f "$no_cluster"
    elif [[ $(uname -s) == Darwin ]]; then
        missing "Postgres, for the tests" "brew install postgresql"
    else
        missing "Postgres, for the tests" "$(how_to_install postgresql postgresql-server)"
    fi
}

# as_postgres COMMAND [ARGUMENT...]: runs one of the server's commands, which refuse to run as root.
as_postgres() {
    local command
    command=$(find_postgres)/$1
    shift
    (
        cd -- "$postgres_folder" || exit
        if [[ $(id -u) == 0 ]]; then
            runuser -u postgres -- "$command" "$@"
        else
            "$command" "$@"
        fi
    )
}

# start_postgres: creates a cluster and starts it; $postgres_url is its address.
start_postgres() {
    make_postgres
    resume_postgres
}

# make_postgres: creates a cluster in the folder data of $postgres_folder, without starting it.
make_postgres() {
    postgres_folder=$(mktemp -d "${TMPDIR:-/tmp}/tokenlife-postgres.XXXXXX")
    if [[ $(id -u) == 0 ]]; then
        chown postgres "$postgres_folder"
    fi
    quietly as_postgres initdb -D data -U postgres -A trust -E UTF8 --locale=C --no-sync
    postgres_url="postgres://postgres@localhost/postgres?host=$postgres_folder"
}

# resume_postgres: restarts the stopped cluster.
resume_postgres() {
    as_postgres pg_ctl -D data -l log -w -s -o "-k '$postgres_folder' -c listen_addresses= $postgres_settings" start
}

# stop_postgres [fast|immediate]: stops it cleanly, or as if it had crashed. The data stays.
stop_postgres() {
    as_postgres pg_ctl -D data -w -s -m "${1:-fast}" stop
}

# delete_postgres: stops the cluster, if there is one, and deletes it.
delete_postgres() {
    if [[ -n $postgres_folder ]]; then
        if [[ -e $postgres_folder/data/postmaster.pid ]]; then
            stop_postgres immediate || true
        fi
        rm -rf -- "$postgres_folder"
        postgres_folder=
    fi
}

# --- nginx and openssl, for the tests of deploy/nginx.conf.

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

# --- A Chromium for the browser tests; Playwright downloads none here.

find_chromium() {
    local candidate
    for candidate in chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
        /Applications/Chromium.app/Contents/MacOS/Chromium; do
        if have "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# The same without its windows, with which the tests take half the time. They do without if it is missing.
ready_headless_shell() {
    if have chromium-headless-shell || have chrome-headless-shell; then
        return
    fi
    if is_root_on_debian; then
        say "Chromium's headless shell: apt-get install chromium-headless-shell (seconds)"
        apt_install chromium-headless-shell || note "There is none; the browser tests take longer without it."
    else
        note "chromium-headless-shell is missing; the browser tests take longer without it."
    fi
}

ready_chromium() {
    if find_chromium >/dev/null; then
        return
    fi
    if is_root_on_debian; then
        say "Chromium: apt-get install chromium (about 1 minute)"
        apt_install chromium fonts-liberation
    elif [[ $(uname -s) == Darwin ]]; then
        missing "Chromium or Chrome" "brew install --cask chromium"
    else
        missing "Chromium or Chrome" "$(how_to_install chromium)"
    fi
}
