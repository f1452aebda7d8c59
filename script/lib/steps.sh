# shellcheck shell=bash
# Steps that are timed and reported at the end. Sourced by script/test.

step_names=()
step_seconds=()
step_results=()
step_now=
step_began=0
beside_name=
beside_began=0
beside_output=
beside_pid=

# step NAME COMMAND...: runs the command; if it fails, the script ends here.
step() {
    step_now=$1
    step_began=$SECONDS
    say "$1"
    shift
    "$@"
    step_done passed
}

# step_beside NAME COMMAND...: begins a step that runs beside those that follow, until step_joined.
step_beside() {
    say "$1: begins, beside what follows"
    beside_name=$1
    beside_began=$SECONDS
    beside_output=$(mktemp)
    shift
    # A process group of its own, so that all of it can be stopped.
    set -m
    "$@" >"$beside_output" 2>&1 </dev/null &
    beside_pid=$!
    set +m
}

# step_joined: waits for that step and shows what it printed; if it failed, the script ends here.
step_joined() {
    local status=0
    say "$beside_name"
    step_now=$beside_name
    step_began=$beside_began
    wait "$beside_pid" || status=$?
    beside_pid=
    cat -- "$beside_output"
    rm -f -- "$beside_output"
    if ((status != 0)); then
        exit "$status"
    fi
    step_done passed
}

# step_left_out NAME WHY: in CI, whatever is left out has failed.
step_left_out() {
    say "$1: left out, $2"
    step_now=$1
    step_began=$SECONDS
    if [[ -n ${CI:-} ]]; then
        exit 1
    fi
    step_done "left out"
}

step_done() {
    step_names+=("$step_now")
    step_seconds+=($((SECONDS - step_began)))
    step_results+=("$1")
    step_now=
}

# as_time SECONDS: minutes and seconds.
as_time() {
    printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}

# report: prints the table and the totals; of a failure only the totals, so that what failed stands right above them:
# often nothing but the end of a log is kept. Set as the EXIT trap.
report() {
    local status=$? passed=0 i
    for i in "${!step_results[@]}"; do
        [[ ${step_results[i]} != passed ]] || passed=$((passed + 1))
    done
    if [[ -n $beside_pid ]]; then
        kill -- "-$beside_pid" 2>/dev/null || true
        rm -f -- "$beside_output"
    fi
    if ((status != 0)); then
        printf '\nFAILED: %s, after %s of %s in all (exit code %d)\n' "${step_now:-between two steps}" \
            "$(as_time $((SECONDS - step_began)))" "$(as_time "$SECONDS")" "$status"
        printf '%d passed, 1 failed\n' "$passed"
        exit "$status"
    fi
    printf '\n%-46s %6s   %s\n' step time result
    for i in "${!step_names[@]}"; do
        printf '%-46s %6s   %s\n' "${step_names[i]}" "$(as_time "${step_seconds[i]}")" "${step_results[i]}"
    done
    printf '%-46s %6s\n\n' "all" "$(as_time "$SECONDS")"
    printf '%d passed, 0 failed\n' "$passed"
}
