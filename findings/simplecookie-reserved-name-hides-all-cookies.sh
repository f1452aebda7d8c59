#!/usr/bin/env bash
# A cookie named "version" in front of the others makes Python's SimpleCookie, and so Bottle, see no cookie at all.
#
# Tried:     http.cookies.SimpleCookie and bottle 0.13.4 on valid Cookie header fields in which one cookie has the name
#            of a cookie attribute: version, path, domain, comment, expires.
# Seen:      Standing first, such a cookie makes the result empty: the session cookie behind it is gone, without an error
#            or a warning. Standing later it disappears alone, as an attribute of the cookie before it.
# Expected:  Each pair of the field. RFC 6265 §4.2.1: a Cookie field holds pairs and no attributes; §4.1.1: a name is any
#            token. Attributes exist in Set-Cookie only. The documentation of http.cookies lists the reserved keys of a
#            Morsel, and does not say that they cannot be names, or that one of them in front discards the field. Reported
#            for "version" as issue 92012 of python/cpython, open.
# For you:   User agents put the cookie with the longer path first, then the older one (§5.4), so a harmless "version"
#            cookie of a neighbour on the same host signs people out of a Bottle application, on some paths only. Never
#            name a cookie like an attribute if anything in Python may read it; read the field by other means if you can.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check bottle==0.13.4

cat > probe.py <<'PY'
from http.cookies import SimpleCookie
import bottle

print("bottle", bottle.__version__)
for line in [
    "sid=abc; theme=dark",
    "version=2; sid=abc",
    "sid=abc; version=2",
    "path=left; sid=abc; theme=dark",
    "domain=sales; sid=abc",
    "comment=hi; sid=abc",
    "expires=never; sid=abc",
]:
    standard = {name: morsel.value for name, morsel in SimpleCookie(line).items()}
    framework = dict(bottle.BaseRequest({"HTTP_COOKIE": line}).cookies)
    print(f"{line} -> http.cookies {standard}, bottle {framework}")
PY
seen=$(venv/bin/python probe.py)
echo "$seen"

cat > expected <<'TXT'
bottle 0.13.4
sid=abc; theme=dark -> http.cookies {'sid': 'abc', 'theme': 'dark'}, bottle {'sid': 'abc', 'theme': 'dark'}
version=2; sid=abc -> http.cookies {}, bottle {}
sid=abc; version=2 -> http.cookies {'sid': 'abc'}, bottle {'sid': 'abc'}
path=left; sid=abc; theme=dark -> http.cookies {}, bottle {}
domain=sales; sid=abc -> http.cookies {}, bottle {}
comment=hi; sid=abc -> http.cookies {}, bottle {}
expires=never; sid=abc -> http.cookies {}, bottle {}
TXT
diff expected <(echo "$seen") || { echo "the behaviour has changed" >&2; exit 1; }
