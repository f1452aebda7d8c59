#!/usr/bin/env bash
# nginx reads $cookie___Host-sid in one way in "if" and in another way everywhere else, and never complains.
#
# Tried:     nginx 1.22.1 (Debian's package) with a cookie named __Host-sid, read in "if", "map", "set" and "return".
# Seen:      In "if ($cookie___Host-sid)" the whole word is the variable's name: it finds the cookie. In strings, "set"
#            and "map" a variable's name ends at the hyphen: the value is that of a cookie named __Host, followed by the
#            text "-sid". So it is "-sid", not empty, without any cookie, and the same "-sid" for each session. An
#            underscore in the place of the hyphen, as for $http_ variables, finds nothing; braces are refused.
# Expected:  One reading, or a refusal by "nginx -t". RFC 6265bis §4.1.3 puts the hyphen into the names of the cookies
#            that are protected best. The documentation of $cookie_name says that it is the cookie of that name and
#            mentions no characters; that of $http_name says that hyphens become underscores.
# For you:   Once a session cookie is renamed to __Host-…, a map, a log or a header built from $cookie___Host-sid has one
#            value for all visitors, and a test for "not empty" in a map is always true, while the same words in an "if"
#            still work. Read $http_cookie in a "map" with a regular expression, as the last block shows.
set -euo pipefail

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

version=1.22.1-9+deb12u7
apt-get download "nginx=$version" >/dev/null 2>&1 || apt-get download nginx >/dev/null
dpkg -x nginx_*.deb package

cat > nginx.conf <<'CONF'
daemon off;
worker_processes 1;
pid nginx.pid;
events { worker_connections 16; }
http {
    access_log off;
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    map $cookie___Host-sid $mapped { default "[$cookie___Host-sid]"; "abc" "the cookie"; "" "nothing"; }
    map $http_cookie $found { "~(?:^|; )__Host-sid=(?<value>[^;]*)" $value; default "nothing"; }
    server {
        listen unix:nginx.sock;
        default_type text/plain;
        location = /if { if ($cookie___Host-sid) { return 200 "a cookie"; } return 200 "nothing"; }
        location = /map { return 200 "$mapped"; }
        location = /set { set $copy $cookie___Host-sid; return 200 "[$copy]"; }
        location = /return { return 200 "[$cookie___Host-sid]"; }
        location = /underscore { return 200 "[$cookie___Host_sid]"; }
        location = /http_cookie { return 200 "$found"; }
    }
}
CONF
package/usr/sbin/nginx -p "$work/" -c nginx.conf -e stderr 2>log &
server=$!
for _ in $(seq 50); do [ -S nginx.sock ] && break; sleep 0.1; done

report() {
    package/usr/sbin/nginx -v 2>&1 | sed 's/nginx version: //'
    local place line
    for place in if map set return underscore http_cookie; do
        printf '%s:' "$place"
        for line in 'x=1' '__Host-sid=abc' '__Host-sid=def' '__Host=z'; do
            printf ' %s -> %s;' "$line" "$(curl -sS --unix-socket nginx.sock -H "Cookie: $line" "http://localhost/$place")"
        done
        echo
    done
    # shellcheck disable=SC2016 # nginx expands these names, not the shell
    sed 's/"\[\$cookie___Host-sid\]"; }$/"[${cookie___Host-sid}]"; }/' nginx.conf > braces.conf
    package/usr/sbin/nginx -p "$work/" -c braces.conf -e stderr -t 2>&1 | grep -o 'the closing bracket.*missing' || true
}
seen=$(report)
echo "$seen"

cat > expected <<'TXT'
nginx/1.22.1
if: x=1 -> nothing; __Host-sid=abc -> a cookie; __Host-sid=def -> a cookie; __Host=z -> nothing;
map: x=1 -> [-sid]; __Host-sid=abc -> [-sid]; __Host-sid=def -> [-sid]; __Host=z -> [z-sid];
set: x=1 -> [-sid]; __Host-sid=abc -> [-sid]; __Host-sid=def -> [-sid]; __Host=z -> [z-sid];
return: x=1 -> [-sid]; __Host-sid=abc -> [-sid]; __Host-sid=def -> [-sid]; __Host=z -> [z-sid];
underscore: x=1 -> []; __Host-sid=abc -> []; __Host-sid=def -> []; __Host=z -> [];
http_cookie: x=1 -> nothing; __Host-sid=abc -> abc; __Host-sid=def -> def; __Host=z -> nothing;
the closing bracket in "cookie___Host" variable is missing
TXT
diff expected <(echo "$seen") || { echo "the behaviour has changed" >&2; exit 1; }
