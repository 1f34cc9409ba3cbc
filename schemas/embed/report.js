"use strict";
/* Shows, searches and pages the rows that stand in the page as JSON.  Everything a row holds goes
 * in as text, never as markup. */
(function () {
    var data = document.getElementById("rows-data");
    if (!data)
        return;
    var rows = JSON.parse(data.textContent), found = rows, at = 0, PAGE = 25;
    var byId = function (id) { return document.getElementById(id); };
    var list = byId("list"), words = byId("words"), which = byId("which"), rule = byId("rule");

    function make(tag, className, text) {
        var e = document.createElement(tag);
        if (className)
            e.className = className;
        if (text !== undefined)
            e.textContent = text;
        return e;
    }

    function field(dl, name, value) {
        if (value === undefined || value === null || value === "")
            return;
        var dd = make("dd");
        dl.append(make("dt", "", name), dd);
        dd.append(make("pre", "", typeof value === "string" ? value : JSON.stringify(value, null, 2)));
    }

    function number(x) { return typeof x === "number" ? String(Math.round(x * 1e6) / 1e6) : x; }

    function verdict(v) {
        var text = v.action + " · " + v.rule + (v.why ? ": " + v.why : "");
        ["value", "threshold", "similarity"].forEach(function (key) {
            if (v[key] !== undefined)
                text += " · " + key + " " + number(v[key]);
        });
        if (v.match_id !== undefined)
            text += " · matches row " + v.match_id + (v.match ? " (" + v.match + ")" : "");
        if (v.quote)
            text += " · in " + v.field + ": “" + v.quote + "”";
        return text;
    }

    function origin(o) {
        var text = o.model + " at " + o.endpoint + ", strategy " + o.strategy + ", prompt " + o.prompt;
        if (o.prompt_name)
            text += " (" + o.prompt_name + ")";
        text += "; " + o.attempts + (o.attempts === 1 ? " attempt" : " attempts");
        if (o.latency_ms !== undefined)
            text += ", " + o.latency_ms + " ms";
        if (o.output_tokens)
            text += ", " + o.input_tokens + " + " + o.output_tokens + " tokens";
        if (o.usd)
            text += ", $" + number(o.usd);
        return text;
    }

    function fill(details, row) {
        var dl = make("dl");
        (row.verdicts || []).forEach(function (v) { field(dl, "verdict", verdict(v)); });
        ["system", "messages", "instruction", "input", "reasoning", "output"].forEach(
            function (key) { field(dl, key, row[key]); });
        if (row.scores && Object.keys(row.scores).length)
            field(dl, "scores", Object.keys(row.scores).map(
                function (k) { return k + " " + number(row.scores[k]); }).join(", "));
        field(dl, "meta", row.meta);
        field(dl, "from", row.source + (row.finish_reason ? ", ended by " + row.finish_reason : "") +
            ", added " + row.added);
        if (row.origin && row.origin.model)
            field(dl, "asked", origin(row.origin));
        details.append(dl);
    }

    function show(row) {
        var details = make("details", "row"), summary = make("summary");
        summary.append(
            make("b", "", row.name !== undefined ? row.name : "#" + row.id),
            make("span", "state" + (row.kept ? "" : " removed"), row.kept ? "kept" : "removed"),
            make("span", "", (row.instruction || "") + (row.input ? " · " + row.input : "")));
        details.append(summary);
        details.addEventListener("toggle", function () {
            if (details.open && details.children.length === 1)
                fill(details, row);
        });
        return details;
    }

    function draw() {
        list.replaceChildren.apply(list, found.slice(at, at + PAGE).map(show));
        byId("hits").textContent = found.length + (found.length === 1 ? " row" : " rows");
        byId("pager").hidden = found.length <= PAGE;
        byId("page").textContent = (at / PAGE + 1) + " of " + Math.ceil(found.length / PAGE);
        byId("before").disabled = at === 0;
        byId("next").disabled = at + PAGE >= found.length;
    }

    function rulesOf(row) {
        return (row.verdicts || []).map(function (v) { return v.rule; });
    }

    function search() {
        var wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
        found = rows.filter(function (row) {
            if (which.value && row.kept !== (which.value === "kept"))
                return false;
            if (rule.value && rulesOf(row).indexOf(rule.value) < 0)
                return false;
            return wanted.every(function (w) { return row.text.indexOf(w) >= 0; });
        });
        at = 0;
        draw();
    }

    var names = {};
    rows.forEach(function (row) {
        row.text = [row.id, row.name, row.system, row.instruction, row.input, row.output,
            row.reasoning, row.source, JSON.stringify(row.messages || ""),
            JSON.stringify(row.meta || "")].join("\n").toLowerCase();
        rulesOf(row).forEach(function (name) { names[name] = true; });
    });
    Object.keys(names).sort().forEach(function (name) {
        var option = make("option", "", name);
        option.value = name;
        rule.append(option);
    });
    byId("find").hidden = false;
    byId("find").addEventListener("submit", function (e) { e.preventDefault(); });
    words.addEventListener("input", search);
    which.addEventListener("change", search);
    rule.addEventListener("change", search);
    byId("before").addEventListener("click", function () { at -= PAGE; draw(); list.scrollIntoView(); });
    byId("next").addEventListener("click", function () { at += PAGE; draw(); list.scrollIntoView(); });
    draw();
})();
