# shellcheck shell=bash
# The race lab and its optional tools: a scenario whose tool is missing is left out. Sourced by lib/common.sh.

# find_libfaketime: the library for multi-threaded programs.
find_libfaketime() {
    local found
    found=$(compgen -G "/usr/lib/*/faketime/libfaketimeMT.so.1" || compgen -G "/usr/lib*/faketime/libfaketimeMT.so.1") ||
        return 1
    head -n 1 <<<"$found"
}

ready_libfaketime() {
    if find_libfaketime >/dev/null; then
        return
    fi
    if is_root_on_debian; then
        say "libfaketime: apt-get install libfaketime (seconds)"
        apt_install libfaketime
    else
        note "libfaketime is missing; what needs it is left out. Install it with: $(how_to_install libfaketime)"
    fi
}

# run_chaos ARGUMENT...: runs the lab on the current release build, in a subshell that cleans up after itself.
run_chaos() (
    cargo build --locked --features ssr --example chaos
    set -- --binary "$(release_binary)" --site-root "$site_root" "$@"
    if tool=$(find_libfaketime); then
        set -- --libfaketime "$tool" "$@"
    fi
    if tool=$(find_nginx); then
        set -- --nginx "$tool" "$@"
    fi
    # The lab itself starts and stops it.
    if tool=$(find_postgres); then
        trap delete_postgres EXIT
        make_postgres
        set -- --postgres-commands "$tool" --postgres-folder "$postgres_folder" "$@"
    fi
    "$(target_dir)/debug/examples/chaos" "$@"
)
