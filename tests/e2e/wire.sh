#!/bin/sh
# TLS, proxies, HTTP/2, redirects and batches, against real servers: what is not to be trusted is
# refused in one line with the remedy, and neither the key nor the proxy's password is anywhere in
# what is left behind, printed, or told to a proxy.
. tests/e2e/lib.inc

for tool in openssl curl; do
    command -v $tool >/dev/null || skip "$tool is not here"
done
key=sk-very-secret-4711
password=proxy-pass-0815
server=$PWD/$BUILD/tests/server
cd "$dir" || exit 1
export WIRE_KEY=$key WIRE_PROXY=me:$password
unset https_proxy http_proxy HTTPS_PROXY HTTP_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY

# start PROGRAM OPTIONS... : its port in $port.
start() {
    rm -f port
    "$@" >port &
    servers="$servers $!"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        grep -q port port 2>/dev/null && break
        sleep 0.1
    done
    port=$(sed -n 's/^port //p' port)
}

# ---- a CA, a certificate for localhost, and a stranger's CA
make_ca() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE 2>/dev/null || wrong "no CA $1"
}
make_ca ours
make_ca strange
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr 2>/dev/null
printf 'subjectAltName=DNS:localhost\n' >ext
openssl x509 -req -in server.csr -CA ours.pem -CAkey ours.key -days 2 -extfile ext -out server.pem \
    2>/dev/null || wrong "no certificate"

start "$server/tls" cert=server.pem private=server.key log=seen
tls=$port
[ -n "$tls" ] || skip "libmicrohttpd is built without TLS here"
start "$server/tls" log=elsewhere
plain=$port
start "$server/tls" cert=server.pem private=server.key redirect="http://127.0.0.1:$plain/v1/chat/completions" log=jumped
jump=$port
start "$server/proxy" log=open.log
open_proxy=$port
start "$server/proxy" user="me:$password" log=asking.log
asking_proxy=$port
start "$server/proxy" refuse=403
shut_proxy=$port

n=0
# Two new prompts and a recipe.
fresh() {
    n=$((n + 1))
    printf '{"instruction":"one %d"}\n{"instruction":"two %d"}\n' $n $n >p.jsonl
    printf '{"dataset":"d%d.db","teacher":{"api_key_env":"WIRE_KEY","ca_file":"ours.pem"},' $n >r.jsonc
    printf '"gen":{"prompts":"p.jsonl","retries":2,"connect_timeout_s":3,"timeout_s":10}}\n' >>r.jsonc
}
good() {
    fresh
    address=$1
    shift
    expect 0 "$retort" gen r.jsonc --set teacher.base_url="$address" "$@"
    cat out err >>printed
    expect 0 "$retort" status "d$n.db" --json
    prints '"answered":2'
}
bad() {
    fresh
    words=$1
    want=$2
    address=$3
    shift 3
    complains "$want" "$retort" gen r.jsonc --set teacher.base_url="$address" "$@"
    says "$words"
    cat out err >>printed
}

# ---- TLS
good "https://localhost:$tls/v1"
bad 'no alternative certificate subject name' 1 "https://127.0.0.1:$tls/v1"
says teacher.base_url
bad 'issuer' 1 "https://localhost:$tls/v1" --set teacher.ca_file=strange.pem
says teacher.ca_file
bad 'certificate' 1 "https://localhost:$tls/v1" --set teacher.ca_file=null
bad 'teacher.ca_file' 2 "https://localhost:$tls/v1" --set teacher.ca_file=nowhere.pem
[ "$(grep -c 'chat/completions key' seen)" = 2 ] || wrong "the server saw $(cat seen)"

# Two teachers, each with its own way.
fresh
expect 0 "$retort" gen r.jsonc --set teacher.base_url="https://localhost:$tls/v1" --set gen.samples=4 --set \
    "gen.teachers=[{\"base_url\":\"http://127.0.0.1:$plain/v1\",\"model\":\"second\",\"proxy\":\"\"}]"
expect 0 "$retort" status "d$n.db" --json
prints '"answered":8'
grep -q 'no key' elsewhere || wrong "the second teacher was not asked"
: >elsewhere

# ---- redirects: named, never followed
bad "127.0.0.1:$plain" 1 "https://localhost:$jump/v1"
says 307 teacher.base_url
[ -s elsewhere ] && wrong "a redirect was followed: $(cat elsewhere)"

# ---- proxies
good "https://localhost:$tls/v1" --set teacher.proxy="http://127.0.0.1:$open_proxy"
grep -q "^CONNECT localhost:$tls" open.log || wrong "the proxy was passed by"
good "http://localhost:$plain/v1" --set teacher.proxy="http://127.0.0.1:$open_proxy"
good "https://localhost:$tls/v1" --set teacher.proxy="http://127.0.0.1:$asking_proxy" --set teacher.proxy_auth_env=WIRE_PROXY
bad 407 1 "https://localhost:$tls/v1" --set teacher.proxy="http://127.0.0.1:$asking_proxy"
says teacher.proxy_auth_env
bad 'proxy' 1 "http://localhost:$plain/v1" --set teacher.proxy="http://127.0.0.1:$asking_proxy"
says teacher.proxy_auth_env
bad 403 1 "https://localhost:$tls/v1" --set teacher.proxy="http://127.0.0.1:$shut_proxy"
says teacher.proxy
bad 'teacher.proxy_auth_env' 2 "https://localhost:$tls/v1" --set teacher.proxy="http://me:$password@127.0.0.1:$asking_proxy"
bad 'api_key_header' 2 "https://me:$password@localhost:$tls/v1"
fresh
https_proxy=http://127.0.0.1:$open_proxy expect 0 "$retort" gen r.jsonc --set teacher.base_url="https://localhost:$tls/v1"
[ "$(grep -c ^CONNECT open.log)" -ge 2 ] || wrong "https_proxy of the environment was passed by"
grep -i authorization open.log asking.log | grep -v -i proxy-authorization | grep -q . &&
    ! grep -q '^POST' open.log && wrong "a proxy was told the key"
sed '/^POST/,/^\r$/d' open.log asking.log | grep -q "$key" && wrong "a CONNECT carried the key"

# ---- batches through TLS and a proxy
start "$server/batches" key=$key ms=10
batches=$port
good "http://127.0.0.1:$batches/v1" --set teacher.mode=batch --set teacher.batch.poll_s=0.1
[ "$(curl -s "http://127.0.0.1:$batches/stats" | number batches)" = 1 ] || wrong "no batch was made"
good "http://127.0.0.1:$batches/v1" --set teacher.mode=batch --set teacher.batch.poll_s=0.1 --set teacher.provider=anthropic \
    --set teacher.proxy="http://127.0.0.1:$asking_proxy" --set teacher.proxy_auth_env=WIRE_PROXY
fresh
start "$server/batches" key=$key ms=600000
slow=$port
expect 3 "$retort" gen r.jsonc --set teacher.base_url="http://127.0.0.1:$slow/v1" --set teacher.mode=batch \
    --set teacher.batch.wait=false --set teacher.batch.poll_s=0.1 --set gen.samples=50 --set teacher.batch.max_requests=20
says 'are with the teacher'
expect 0 "$retort" status "d$n.db"
prints running
cat out >>printed

# ---- HTTP/2, in front of the same server
if command -v nghttpx >/dev/null; then
    # A port of one's own: below those that the system gives to clients, and another where it is taken.
    h2=$((20000 + $$ % 10000))
    for _ in 1 2 3 4 5; do
        # shellcheck disable=SC2016 # the variables are those of nghttpx
        nghttpx --no-ocsp --workers=1 -f"127.0.0.1,$h2" -b"127.0.0.1,$plain" --accesslog-file=h2.log \
            --accesslog-format='$alpn $status' --errorlog-file=h2.err server.key server.pem >/dev/null 2>&1 &
        servers="$servers $!"
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            curl -s --cacert ours.pem "https://localhost:$h2/" >/dev/null && break 2
            kill -0 $! 2>/dev/null || break
            sleep 0.2
        done
        h2=$((h2 + 1))
    done
    : >h2.log
    fresh
    expect 0 "$retort" gen r.jsonc --set teacher.base_url="https://localhost:$h2/v1" --set gen.samples=200
    expect 0 "$retort" status "d$n.db" --json
    prints '"answered":400'
    sleep 0.2
    grep -q '^h2 200' h2.log || wrong "HTTP/2 was offered and not taken: $(tail -n 2 h2.log)"
    grep -q '^http/1' h2.log && wrong "some requests went over HTTP/1.1"
    echo "HTTP/2: $(grep -c '^h2 200' h2.log) requests through nghttpx"
else
    echo "SKIP: nghttpx is not here, HTTP/2 is not tried (Debian: nghttp2-proxy)"
fi

# ---- nowhere
for word in "$key" "$password" "$(printf 'me:%s' "$password" | openssl base64)"; do
    found=$(grep -rlaF -e "$word" . | grep -v '/asking.log$' | grep -v '/open.log$')
    [ -z "$found" ] || wrong "$word stands in $found"
done
grep -aF "$key" asking.log open.log | grep -v -i 'authorization: bearer\|x-api-key' && wrong "the key is told to a proxy"
finish
