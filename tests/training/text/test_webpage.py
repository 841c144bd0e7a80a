from html.parser import HTMLParser

import pytest

from training.text.markdown import CODE
from training.text.webpage import NAVIGATION, prose_of

PAGE = """<!DOCTYPE html>
<html><head><title>标题</title><style>p { color: red }</style>
<script>var a = "<p>苹果</p>";</script></head>
<body>
<nav><ul><li>首页</li></ul></nav>
<ul class="menu"><li><a href="/">首页</a></li><li><a href="/b">关于我们</a> |</li></ul>
<h1><a href="/self">苹果手机</a></h1>
<p>我在用<b>苹果</b>手机&nbsp;打电话，<a href="/c">很好用</a>。第一行
第二行&amp;更多&#33;</p>
<p>没有结束的段
<p>一句<br>下一句<br/>再一句</p>
<table><tr><td>甲</td><td>乙</td></tr></table>
<pre><code>x = 1; y = 2</code></pre>
<pre>床前明月光
疑是地上霜</pre>
<p><a href="/d">整句都是链接的话也还是一句话。</a></p>
<a name="top">锚点不是链接
<p>锚点后面的话</p>
<footer>版权所有</footer>
</body></html>"""


def prose(page):
    dropped = []
    lines = prose_of(enumerate(page.split("\n"), 1), lambda *facts: dropped.append(facts))
    return [line for _, line in lines if line], dropped


def test_a_page_keeps_its_prose_and_loses_scripts_and_menus():
    lines, dropped = prose(PAGE)
    assert lines == [
        "苹果手机",
        "我在用苹果手机\xa0打电话，很好用。第一行 第二行&更多!",
        "没有结束的段",
        "一句 下一句 再一句",
        "甲 乙",
        "床前明月光 疑是地上霜",
        "整句都是链接的话也还是一句话。",
        "锚点不是链接",
        "锚点后面的话",
    ]
    assert [(reason, example) for reason, example, _ in dropped] == [
        (NAVIGATION, "首页"),
        (NAVIGATION, "关于我们 |"),
        (CODE, "x = 1; y = 2"),
    ]


def test_a_page_that_forgets_to_end_its_elements_keeps_its_prose():
    page = "<aside>菜单<body><p><a href='/x'>目录<p>苹果手机没有句号<p>再一句"
    assert prose(page) == (["苹果手机没有句号", "再一句"], [(NAVIGATION, "目录", 1)])


def test_what_an_element_without_an_end_takes_with_it_is_told():
    page = "<p>前面</p><aside><p>旁边</p><p>后面</p>"
    told = "all behind <aside>, which does not end"
    assert prose(page) == (["前面"], [(NAVIGATION, told, 1)])


def test_a_number_is_that_of_the_line_where_a_block_ends():
    found = list(prose_of(enumerate(["<p>一</p>", "", "<p>二", "三"], 1), print))
    assert [entry for entry in found if entry[1]] == [(1, "一"), (4, "二 三")]


def test_a_piece_of_a_page_without_tags_is_its_text():
    assert prose("苹果 < 手机 & 电脑")[0] == ["苹果 < 手机 & 电脑"]


@pytest.mark.parametrize(("begin", "end"), [("<script>", "</script>"), ("<!--", "-->")])
def test_a_long_script_is_not_read_anew_with_each_line(monkeypatch, begin, end):
    given, feed = [], HTMLParser.feed
    monkeypatch.setattr(
        HTMLParser, "feed", lambda self, text: (given.append(len(self.rawdata)), feed(self, text))
    )
    script = "x = 1; // 苹果\n" * 20_000
    lines, _ = prose(f"<p>前面</p>\n{begin}{script}{end}\n<p>后面</p>")
    assert lines == ["前面", "后面"]
    # Read anew with each line, it would be 10,000 times as much. How much is kept in between is not
    # the same in each version of Python.
    assert sum(given) < 10 * len(script)
