# shellcheck shell=bash
# A throwaway Postgres for tests: its own cluster in a temporary folder, reached by a socket in it.
# Sourced by lib/ready.sh. A script that starts one has to delete it: trap delete_postgres EXIT

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
