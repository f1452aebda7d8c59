# shellcheck shell=bash
# A Chromium for the browser tests; Playwright downloads none here. Sourced by lib/ready.sh.

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
