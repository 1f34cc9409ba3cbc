#!/bin/sh
# The report in a real browser: it runs its script, shows every row, and what a row holds stays text.
. tests/e2e/lib.inc
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
    skip "no Chromium to look at the page with"

cat >"$dir/rows.jsonl" <<'ROWS'
{"id":"evil","instruction":"</script><script>document.title='broken out'</script>","input":"<img src=x onerror=\"document.title='broken out'\">","output":"a & b","meta":{"x":"<!--"}}
{"id":"zwei","instruction":"Grüße","output":"\u2028 & \u0000"}
{"instruction":"three","output":"3"}
ROWS
expect 0 "$retort" import "$dir/d.db" "$dir/rows.jsonl"
expect 0 "$retort" report "$dir/d.db" -o "$dir/page.html"
says "page.html"
# Open every row before the page is printed.
sed 's|</body>|<script>document.querySelectorAll("details.row").forEach(function (d) { d.open = true; });</script></body>|' \
    "$dir/page.html" >"$dir/open.html"
timeout 60 "$browser" --headless --no-sandbox --disable-gpu --virtual-time-budget=3000 \
    --user-data-dir="$dir/profile" --dump-dom "file://$dir/open.html" >"$dir/out" 2>"$dir/err" ||
    skip "$browser does not run here"
prints '<output id="hits">3 rows</output>' \
    "<pre>&lt;/script&gt;&lt;script&gt;document.title='broken out'&lt;/script&gt;</pre>" \
    '<pre>Grüße</pre>' '<title>d.db'
[ "$(grep -ao '<details class="row" open' "$dir/out" | wc -l)" = 3 ] || wrong "not three rows are open"
[ "$(grep -ac '<img' "$dir/out")" = 0 ] || wrong "an image of a row became an element"

# ---- live: the page is made anew from the dataset, which is only read
"$retort" report "$dir/d.db" --live --port 0 --every 3 2>"$dir/live.err" &
live=$!
servers="$servers $live"
for _ in 1 2 3 4 5 6 7 8 9 10; do
    grep -q 'http://' "$dir/live.err" && break
    sleep 0.2
done
url=$(sed -n 's/.* on \(http[^;]*\);.*/\1/p' "$dir/live.err")
page() {
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --virtual-time-budget=1000 --user-data-dir="$dir/profile" \
        --dump-dom "$1" 2>"$dir/err" >"$dir/out"
}
page "$url"
prints 'http-equiv="refresh" content="3"' '<output id="hits">3 rows</output>'
echo '{"instruction":"four","output":"4"}' >"$dir/more.jsonl"
expect 0 "$retort" import "$dir/d.db" "$dir/more.jsonl"
page "$url"
prints '<output id="hits">4 rows</output>'
page "${url}other"
prints 'there is one page'
kill -INT $live
wait $live || wrong "--live does not end cleanly"
complains 2 "$retort" report "$dir/d.db" --live -o x.html
complains 1 "$retort" report "$dir/none.db" --live
finish
