#!/usr/bin/env python3
"""Write jinja.jsonl: small templates and what Jinja2 makes of them, set up as Hugging Face does.

usage: make_jinja.py [OUT]     needs jinja2
One object a line: source, vars, and rendered or error (the kind of the exception).
"""
import datetime
import json
import pathlib
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("jinja.jsonl"))
DATE = datetime.datetime(2025, 1, 5)

CASES = [
    # white space
    "a\n{% if true %}\nb\n{% endif %}\nc\n", "  {% if true %}x{% endif %}  \n", "  {%+ if true %}x{% endif %}",
    "{% if true +%}\nx{% endif %}", "a  {%- if true -%}  b  {%- endif -%}  c", "a {{- ' b ' -}} c", "a\n  {# note #}\nb", "a {#- note -#} b",
    "x\n\n{{ 1 }}\n\ny\n", "\n{{ 1 }}", "{{ 1 }}\n", "{{ 1 }}\n\n", "{% raw %}{{ x }}{% endraw %}", "a {%- raw -%} {{ x }} {%- endraw -%} b",
    "\t{% set x = 1 %}\n\t{{ x }}\n", "a{% set x = 1 %}\n  {% set y = 2 %}b", "{% for i in [1,2] %}\n  {{ i }}\n{% endfor %}\nend", "a\r\nb\rc{{ '\r\n' }}",
    "{% if false %}x{% endif %}   \n  {% if true %} y{% endif %}",
    # literals and operators
    "{{ 1 + 2 * 3 - 4 / 2 }}", "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }}", "{{ 2 ** 10 }} {{ 2 ** -1 }}", "{{ 10 / 4 }} {{ 10 / 5 }}",
    "{{ 'a' ~ 1 ~ none ~ true ~ 1.5 }}", "{{ 'a' + 'b' * 3 }}", "{{ 1 == 1.0 }} {{ true == 1 }} {{ '1' == 1 }}", "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 3 > 2 >= 2 }}",
    "{{ not true }} {{ not 0 }} {{ true and 'x' }} {{ '' or 'y' }} {{ 0 and 1 }}", "{{ 'x' if true else 'y' }}{{ 'x' if false }}{{ 'a' if false else 'b' if false else 'c' }}",
    "{{ [1, 'a', none, true, 1.5, {'k': [2]}] }}", "{{ (1, 2) }} {{ (1,) }} {{ () }}", "{{ {'a': 1, 'b': {'c': 'd'}} }}", "{{ \"it's\" }} {{ ['it\\'s'] }} {{ ['\"'] }} {{ ['\\n\\t\\\\'] }}",
    "{{ 'a\\nb\\x41\\u00e9\\101\\q' }}", "{{ 'a' 'b' \"c\" }}", "{{ 1_000 }} {{ 1e3 }} {{ 1.0 }} {{ 1e16 }} {{ 1e-5 }} {{ 0.1 + 0.2 }} {{ 123456789.5 }} {{ 1e22 }}", "{{ -3|abs }} {{ (-3)|abs }}",
    "{{ 2 in [1,2] }} {{ 'a' in 'cat' }} {{ 'k' in {'k': 1} }} {{ 3 not in [1] }}", "{{ [1,2] + [3] }} {{ [1,2] == [1,2] }}", "{{ 1 is number and 'a' is string }}", "{{ 'a' < 'b' }} {{ [1,2] < [1,3] }}",
    "{{ '%s' }}", "{{ '}}' }}", "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a':{'b':2}}.a.b }}", "{{ +1 }} {{ - 1 }} {{ --1 }}",
    # undefined and errors
    "[{{ missing }}]", "{{ missing.attr }}", "{{ missing + 'a' }}", "{{ missing is defined }} {{ missing is not defined }}", "{{ 1 + 'a' }}", "{{ 'a' + 1 }}", "{{ none.x }}", "[{{ {}.x }}]", "{{ {}.x.y }}",
    "{{ [][0] }}", "{{ [][0].x }}", "{{ 'abc'[5] }}", "{{ missing() }}", "{{ 1() }}", "{{ raise_exception('no ' ~ 1) }}", "{{ [1] < 'a' }}", "{{ 1 / 0 }}", "{{ 1 in 5 }}", "{{ 5|length }}", "{% for x in 5 %}{% endfor %}",
    "{% for x in missing %}a{% else %}none{% endfor %}", "{{ missing|length }}", "{{ missing == missing2 }} {{ missing == '' }}", "{{ 'x' in missing }}", "{{ none|length }}", "{{ none + 'a' }}", "{{ '' .x }}",
    # slices and items
    "{{ 'abcdef'[1:3] }} {{ 'abcdef'[:2] }} {{ 'abcdef'[-2:] }} {{ 'abcdef'[::2] }} {{ 'abcdef'[::-1] }}", "{{ [1,2,3,4][1:] }} {{ [1,2,3,4][:-1] }} {{ [1,2,3,4][::-1] }} {{ [1,2,3,4][3:0:-2] }}",
    "{{ '\u4f60\u597d\u4e16\u754c'[1:3] }} {{ '\u4f60\u597d'[1] }}", "{{ [1,2,3][5:] }} {{ [1,2,3][-9:2] }} {{ [1,2,3][2:1] }}", "{{ 'abc'[-1] }} {{ [1,2,3][-1] }}", "{{ (1,2,3)[1:] }}",
    # loops
    "{% for x in [1,2,3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }} {% endfor %}",
    "{% for x in [1,2,3] %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{% endfor %}", "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }},{% endfor %}", "{% for k in {'a': 1} %}{{ k }}{% endfor %}",
    "{% for a, b in [[1,2],[3,4]] %}{{ a }}{{ b }}{% endfor %}", "{% for a, b in [[1]] %}{% endfor %}", "{% for x in range(5) if x % 2 %}{{ loop.index }}:{{ x }} {% else %}e{% endfor %}", "{% for x in [] %}{% else %}empty{% endfor %}",
    "{% for x in range(10) %}{% if x == 3 %}{% break %}{% endif %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in 'h\u00e9llo' %}{{ x }}-{% endfor %}", "{% for x in [1,2] %}{% for y in [1,2] %}{{ x }}{{ y }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{% for x in [1,1,2] %}{{ loop.changed(x) }} {{ loop.cycle('a','b') }} {% endfor %}", "{% set x = 0 %}{% for i in [1,2] %}{% set x = i %}{{ x }}{% endfor %}{{ x }}", "{% for i in [1,2] %}{% if y is defined %}D{% endif %}{% set y = i %}{% endfor %}",
    "{% set ns = namespace(n=0, s='a') %}{% for i in [1,2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}{{ ns.s }}{{ ns.z is defined }}", "{% for x in [1] %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}", "{% for i in range(3, 0, -1) %}{{ i }}{% endfor %}",
    "{% if true %}{% set z = 1 %}{% endif %}{{ z }}", "{% for x in {'b':1,'a':2}|dictsort %}{{ x }}{% endfor %}", "{% for i in (1, 2), (3, 4) %}{{ i }}{% endfor %}",
    # set, macro
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set x %}  in {{ 1 }}\n{% endset %}[{{ x }}]", "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=5) }} {{ m() }}", "{% macro m(n) %}{% if n %}{{ n }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(4) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% set q = 5 %}{% macro m() %}{{ q }}{% endmacro %}{{ m() }}", "{% set d = {'a': 1} %}{% set d.b = 2 %}", "{% set x = 'a' if false else 'b' %}{{ x }}", "{% macro m() %}  x\n{% endmacro %}[{{ m()|trim }}]{{ m()|length }}",
    # filters
    "{{ ' a '|trim }}|{{ 'xxaxx'|trim('x') }}", "{{ [1,2,3]|join(', ') }} {{ []|join }} {{ [1,none,'a']|join('-') }}", "{{ 'abc'|upper }} {{ 'ABC'|lower }} {{ 'a bc-d'|title }} {{ 'hELLO'|capitalize }}", "{{ 'aXbX'|replace('X', '-') }} {{ 'aXbX'|replace('X', '-', 1) }}",
    "{{ [3,1,2]|sort }} {{ [3,1,2]|sort(reverse=true) }} {{ ['b','a']|sort }}", "{{ [1,2,3]|first }} {{ [1,2,3]|last }} {{ []|first }}", "{{ [1,1,2]|unique|list }} {{ [1,2]|reverse|list }} {{ 'abc'|reverse }}", "{{ missing|default('d') }} {{ ''|default('d') }} {{ ''|default('d', true) }} {{ none|d('x') }}",
    "{{ '5'|int + 1 }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ 3.9|int }} {{ '1.5'|float }}", "{{ 3.14159|round(2) }} {{ 2.5|round }}", "{{ 'a\nb\n\nc'|indent }}", "{{ 'a\nb'|indent(2, true) }}", "{{ {'a':1}|length }} {{ 'h\u00e9'|length }} {{ [1]|count }}", "{{ 5|string + 'x' }} {{ none|string }}",
    "{{ [{'r':'a','n':1},{'r':'b','n':2}]|selectattr('r','equalto','b')|list }}", "{{ [{'r':'a'},{'r':'b'}]|rejectattr('r','eq','b')|map(attribute='r')|join }}", "{{ [1,2,3,4]|select('odd')|list }} {{ [1,2,3]|reject('gt', 2)|list }} {{ [0,1,'']|select|list }}",
    "{{ ['a','b']|map('upper')|join(',') }}", "{{ [{'a':1},{}]|map(attribute='a', default=9)|list }}", "{{ 'abc'|list }}", "{{ {'a':1,'b':2}|items|list }}", "{{ 'x'|safe }}",
    # tojson
    "{{ {'a': [1, 2.5, true, null_, 'q\"\\n\u00e9<>&']}|tojson }}".replace("null_", "none"), "{{ {'a': [1, {'b': []}], 'c': {}}|tojson(indent=2) }}", "{{ [1,2]|tojson(indent=0) }}", "{{ {'b':1,'a':2}|tojson(sort_keys=true) }}", "{{ 'caf\u00e9 \\u2028 \\x7f \\x01'|tojson }}",
    "{{ '\u00e9'|tojson(ensure_ascii=true) }}", "{{ {'a':1,'b':[2]}|tojson(separators=(',',':')) }}", "{{ missing|tojson }}", "{{ (1,2)|tojson }}", "{{ 1e100|tojson }}",
    # methods
    "{{ ' a b '.strip() }}|{{ 'xax'.strip('x') }}|{{ 'xax'.lstrip('x') }}|{{ 'xax'.rstrip('x') }}", "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }}", "{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x','bc')) }}",
    "{{ 'abc'.replace('b', 'xx') }} {{ 'aaa'.replace('a','b',2) }}", "{{ 'AbC'.upper() }}{{ 'AbC'.lower() }}{{ 'abc def'.title() }}{{ 'abc'.capitalize() }}", "{{ ','.join(['a','b']) }}", "{{ 'hello'.find('l') }} {{ 'hello'.find('z') }} {{ 'hello'.count('l') }}",
    "{{ '12'.isdigit() }} {{ 'a1'.isalpha() }} {{ ' '.isspace() }} {{ ''.isdigit() }}", "{{ {'a':1}.get('a') }} {{ {'a':1}.get('b') }} {{ {'a':1}.get('b', 5) }}", "{{ {'a':1,'b':2}.keys()|list }} {{ {'a':1}.values()|list }}", "{{ 'a'.nope() }}", "{{ [1].append(2) }}",
    "{{ 'x</think>y</think>z'.split('</think>')[-1] }}", "{{ '<think>\\nq\\n</think>\\n\\nr'.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') }}", "{{ 'prefix-x'.removeprefix('prefix-') }}{{ 'x.txt'.removesuffix('.txt') }}", "{{ 'a b'.split(' ')[1] }}",
    # tests
    "{{ 1 is odd }} {{ 2 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }}", "{{ none is none }} {{ 0 is none }}", "{{ {} is mapping }} {{ [] is mapping }} {{ [] is iterable }} {{ 'a' is iterable }} {{ 1 is iterable }} {{ [] is sequence }}",
    "{{ true is boolean }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ true is number }}", "{{ 1 is sameas 1 }} {{ 1 is eq 1 }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 2 is ge 2 }}", "{{ 'a' is in ['a'] }} {{ 'A' is upper }} {{ 'a' is lower }} {{ true is true }} {{ 1 is true }} {{ false is false }}",
    "{{ range is callable }}", "{{ 'a' is not string }}", "{{ 1 is defined and 2 is defined }}", "{{ 3 is odd or 2 is odd }}",
    # functions
    "{{ range(3)|list }} {{ range(1,7,3)|list }}", "{{ dict(a=1, b='x') }}", "{{ strftime_now('%d %b %Y %H:%M') }}", "{% set ns = namespace() %}{{ ns.x is defined }}",
]
VARS = {}
MORE = [
    ("{{ x['items'] }}", {"x": {"items": 5}}), ("{{ m.content }}{{ m['role'] }}", {"m": {"role": "r", "content": "c"}}),
    ("{% for m in ms %}{{ m.role }}:{{ m.content|trim }};{% endfor %}", {"ms": [{"role": "user", "content": " hi "}, {"role": "x", "content": "\u3000y\u001f"}]}),
    ("{{ a[b] }}{{ a[b ~ 'x'] is defined }}", {"a": {"k": 1}, "b": "k"}), ("{{ d }}", {"d": {"a": [1, 2.5, None, True, "q'\"\n\u00e9\u200b"]}}), ("{{ t|tojson }}", {"t": {"z": {"y": ["\u4f60", 1.5]}, "a": None}}),
    ("{{ t|tojson(indent=4) }}", {"t": [{"a": 1, "b": {"c": []}}, []]}), ("{% if x %}t{% else %}f{% endif %}", {"x": {}}), ("{% if x is not none and x|length > 1 %}y{% endif %}", {"x": [1, 2]}), ("{{ x|length == 9 }}", {"x": "123456789"}),
    ("{{ ms[-1].content }}{{ ms[1:]|length }}{{ ms[::-1][0].content }}", {"ms": [{"content": "a"}, {"content": "b"}]}), ("{% set ms = ms[1:] %}{{ ms }}", {"ms": [1, 2, 3]}), ("{{ x == y }}{{ x != y }}", {"x": {"a": [1]}, "y": {"a": [1]}}),
    ("{{ n + 1 }}{{ n * 2.0 }}{{ f }}", {"n": 41, "f": 0.1}), ("{{ b and 'yes' or 'no' }}", {"b": False}),
]


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols])
    env.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = DATE.strftime
    return env


def main():
    env = environment()
    with open(OUT, "w", encoding="ascii") as f:
        for source, variables in [(s, VARS) for s in CASES] + MORE:
            row = {"source": source, "vars": variables}
            try:
                row["rendered"] = env.from_string(source).render(**variables)
            except Exception as e:
                row["error"] = type(e).__name__
            f.write(json.dumps(row, separators=(",", ":")) + "\n")


main()
