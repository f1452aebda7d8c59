#!/usr/bin/env bash
# nginx's $cookie_sid is the first of the cookies sid, SID, Sid: names are compared without regard to case.
#
# Tried:     nginx 1.22.1 (Debian's package) with requests that carry cookies whose names differ in case only.
# Seen:      $cookie_sid and $cookie_SID are the same variable. It has the value of whichever of the two cookies stands
#            first, and of the only one if there is one, however it is written.
# Expected:  $cookie_sid is the cookie "sid". RFC 6265 §5.3 (step 11) replaces a stored cookie only by one of the same
#            name and compares names as they are, so user agents keep "sid" and "SID" side by side and send both; §5.4
#            orders them by path and age. Field names of HTTP ignore case, cookie names do not. The documentation of
#            $cookie_name says "the name cookie" and no more.
# For you:   An application keeps its session in "session", another one on the same host in "SESSION": a routing rule, a
#            log or a limit over $cookie_session takes the other application's as soon as that one is older or has a
#            longer path. Give cookies names that differ in more than case, or read $http_cookie with "map" and "~".
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
    map $http_cookie $exact { "~(?:^|; )sid=(?<value>[^;]*)" $value; default ""; }
    server {
        listen unix:nginx.sock;
        default_type text/plain;
        location / { return 200 "cookie_sid=[$cookie_sid] cookie_SID=[$cookie_SID] map=[$exact]"; }
    }
}
CONF
package/usr/sbin/nginx -p "$work/" -c nginx.conf -e stderr 2>log &
server=$!
for _ in $(seq 50); do [ -S nginx.sock ] && break; sleep 0.1; done

report() {
    package/usr/sbin/nginx -v 2>&1 | sed 's/nginx version: //'
    local line
    for line in 'sid=lower' 'SID=upper' 'sid=lower; SID=upper' 'SID=upper; sid=lower'; do
        printf '%s -> %s\n' "$line" "$(curl -sS --unix-socket nginx.sock -H "Cookie: $line" http://localhost/)"
    done
}
seen=$(report)
echo "$seen"

cat > expected <<'TXT'
nginx/1.22.1
sid=lower -> cookie_sid=[lower] cookie_SID=[lower] map=[lower]
SID=upper -> cookie_sid=[upper] cookie_SID=[upper] map=[]
sid=lower; SID=upper -> cookie_sid=[lower] cookie_SID=[lower] map=[lower]
SID=upper; sid=lower -> cookie_sid=[upper] cookie_SID=[upper] map=[lower]
TXT
diff expected <(echo "$seen") || { echo "the behaviour has changed" >&2; exit 1; }
