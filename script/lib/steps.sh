# shellcheck shell=bash
# Steps that are timed and reported at the end. Sourced by script/test.

step_names=()
step_seconds=()
step_results=()
step_now=
step_began=0

# step NAME COMMAND...: runs the command; if it fails, the script ends here.
step() {
    step_now=$1
    step_began=$SECONDS
    say "$1"
    shift
    "$@"
    step_done passed
}

# step_left_out NAME WHY
step_left_out() {
    say "$1: left out, $2"
    step_now=$1
    step_began=$SECONDS
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

# report: prints the table, then the totals. Set as the EXIT trap.
report() {
    local status=$? failed_step=$step_now passed=0 failed=0 i
    if ((status != 0)); then
        failed_step=${failed_step:-between two steps}
        failed=1
    fi
    if [[ -n $step_now ]]; then
        step_done FAILED
    fi
    printf '\n%-46s %6s   %s\n' step time result
    for ((i = 0; i < ${#step_names[@]}; i++)); do
        printf '%-46s %6s   %s\n' "${step_names[i]}" "$(as_time "${step_seconds[i]}")" "${step_results[i]}"
        if [[ ${step_results[i]} == passed ]]; then
            passed=$((passed + 1))
        fi
    done
    printf '%-46s %6s\n\n' "all" "$(as_time "$SECONDS")"
    if ((failed > 0)); then
        printf 'FAILED: %s (exit code %d)\n' "$failed_step" "$status"
    fi
    printf '%d passed, %d failed\n' "$passed" "$failed"
    exit "$status"
}
