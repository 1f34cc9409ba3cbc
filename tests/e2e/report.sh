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
finish
