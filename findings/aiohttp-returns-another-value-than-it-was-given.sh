#!/usr/bin/env bash
# The aiohttp client puts a cookie's value into quotes when it sends it back, if it contains "/", "=" or "@".
#
# Tried:     aiohttp 3.14.5: a server on the loopback interface sets cookies of valid values, the client's default jar
#            returns them; what arrives is read by aiohttp's own server, the npm package cookie 1.1.1 and the Rust crate
#            cookie 0.18.2.
# Seen:      sid=abc-_.~ comes back as it was; sid=YWJj/w== (base64) comes back as sid="YWJj/w==", and so do values with
#            "@" or "{". aiohttp's server reads the value that was set, the other two one with quotes in it.
# Expected:  The octets that were set. All of these are cookie-octets (RFC 6265 §4.1.1), which need no quotes; §5.4 has
#            the user agent send the value it stored, and §5.2 strips white space from a value, not quotes. aiohttp
#            describes its CookieJar as cookie storage adhering to RFC 6265; its parameter quote_cookie is on by default.
# For you:   A session id or a signature in ordinary base64 differs from what was set, for a server on either of these
#            parsers, when the caller is aiohttp; a test with aiohttp on both sides does not show it. Use base64url
#            without padding for tokens in cookies, or unquote before verifying, or set quote_cookie=False in the client.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aiohttp==3.14.5
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund cookie@1.1.1
mkdir -p reader/src
cat > reader/Cargo.toml <<'TOML'
[package]
name = "reader"
version = "0.0.0"
edition = "2021"

[dependencies]
cookie = "=0.18.2"
TOML
cat > reader/src/main.rs <<'RUST'
fn main() {
    let line = std::env::args().nth(1).expect("a Cookie field");
    for cookie in cookie::Cookie::split_parse(line) {
        println!("{}", cookie.expect("a pair").value());
    }
}
RUST
CARGO_TARGET_DIR="$work/target" cargo build --quiet --manifest-path reader/Cargo.toml

cat > probe.py <<'PY'
import asyncio, subprocess
import aiohttp
from aiohttp import web

received = []

async def answer(request):
    received.append((request.headers.get("Cookie"), request.cookies.get("sid")))
    return web.Response(headers={"Set-Cookie": request.query["set"]} if "set" in request.query else {})

async def main():
    application = web.Application()
    application.router.add_get("/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    print("aiohttp", aiohttp.__version__)
    for value in ["abc-_.~", "YWJj/w==", "ada@example", "{1}", "a:b"]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            await session.get(url, params={"set": f"sid={value}; Path=/"})
            await session.get(url)
        line, own = received[-1]
        npm = subprocess.check_output(["node", "-p", "require('cookie').parse(process.argv[1]).sid", line], text=True).strip()
        crate = subprocess.check_output(["target/debug/reader", line], text=True).strip()
        print(f"set {value}, returned {line}; read by aiohttp: {own}, npm: {npm}, crate: {crate}")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False)) as session:
        await session.get(url, params={"set": "sid=YWJj/w==; Path=/"})
        await session.get(url)
    print("unquoted by quote_cookie=False:", received[-1][0])
    await runner.cleanup()

asyncio.run(main())
PY
seen=$(venv/bin/python probe.py)
echo "$seen"

cat > expected <<'TXT'
aiohttp 3.14.5
set abc-_.~, returned sid=abc-_.~; read by aiohttp: abc-_.~, npm: abc-_.~, crate: abc-_.~
set YWJj/w==, returned sid="YWJj/w=="; read by aiohttp: YWJj/w==, npm: "YWJj/w==", crate: "YWJj/w=="
set ada@example, returned sid="ada@example"; read by aiohttp: ada@example, npm: "ada@example", crate: "ada@example"
set {1}, returned sid="{1}"; read by aiohttp: {1}, npm: "{1}", crate: "{1}"
set a:b, returned sid=a:b; read by aiohttp: a:b, npm: a:b, crate: a:b
unquoted by quote_cookie=False: sid=YWJj/w==
TXT
diff expected <(echo "$seen") || { echo "the behaviour has changed" >&2; exit 1; }
