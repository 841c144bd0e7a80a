import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from training.text.joining import joined
from training.text.markdown import (
    CODE,
    MAX_HIDDEN_LINES,
    MAX_PARAGRAPH_LINES,
    MAX_SPAN,
    inline_prose,
    prose_of,
)

ARTICLE = """---
title: 苹果
tags: [水果]
---

# 苹果手机

我在用**苹果**手机[打电话](https://example.org/a_(b).html "标题")，*很好用*。![图](a.png)
它的型号是`iPhone 15`。

```python
苹果 = 1
```

* 第一点
* 第二点
  1. 里面
  2. [x] 做完

> 引用的话
> 还有一句

| 水果 | 颜色 |
|------|:----:|
| 苹果 | 红   |

    code = 1
    more(code)

标题二
======

<div class="a">块里的字</div>

<!-- 看不见
的话 -->
脚注[^1]在这里&nbsp;。

[^1]: 注的内容
[ref]: https://example.org
~~~
苹果
~~~
最后\\*一句。
"""


def prose(text):
    dropped = []
    lines = prose_of(enumerate(text.split("\n"), 1), lambda *facts: dropped.append(facts))
    return [line for _, line in lines if line], dropped


def test_an_article_keeps_its_words_and_loses_its_marks():
    lines, dropped = prose(ARTICLE)
    assert lines == [
        "苹果手机",
        "我在用苹果手机打电话，很好用。",
        "它的型号是iPhone 15。",
        "第一点",
        "第二点",
        "里面",
        "做完",
        "引用的话",
        "还有一句",
        "水果 颜色",
        "苹果 红",
        "标题二",
        "块里的字",
        "脚注在这里\xa0。",
        "注的内容",
        "最后*一句。",
    ]
    assert {reason for reason, _, _ in dropped} == {CODE}
    assert sum(times for _, _, times in dropped) == 4 + 3 + 2 + 3 + 1


def words_of(text):
    """Return the words that markdown-it finds outside code, the independent reading."""
    parser = MarkdownIt("commonmark").enable("table")
    words = []
    for token in parser.parse(text):
        for child in token.children or ():
            if child.type in ("text", "code_inline"):
                words.append(child.content)
            if child.type in ("softbreak", "hardbreak"):
                words.append("\n")
        words.append("\n")
    return "".join("".join(words).split())


@pytest.mark.parametrize(
    "text",
    [
        "# 标题 #\n\n正文*强调*和**更强**和***最强***。",
        "1. 一\n2. 二\n\n   续\n3. 三",
        "- 一\n    - 二\n        - 三",
        "> 引\n> > 用\n\n续",
        '[文](a "b")和![图](c)和[`码`](d)和[引][e]\n\n[e]: http://x',
        "字`` a`b ``字",
        "一\\*二\\_三\\`四",
        "```\n苹果\n```\n\n~~~~ js\n```\n~~~~\n后",
        "一\n\n    code\n    code\n\n二",
        "snake_case_name 和 2*3 和 a_b",
        "标题\n---\n\n***\n\n字",
        "| 甲 | 乙 |\n|---|---|\n| 一 | **二** |\n",
        "[![徽章](b.svg)](https://x) 字",
    ],
)
def test_the_words_are_those_of_a_parser_of_commonmark(text):
    assert "".join("".join(prose(text)[0]).split()) == words_of(text)


def test_strong_words_beside_chinese_marks_lose_their_asterisks():
    assert inline_prose("**苹果。**手机和**“安卓”**手机") == "苹果。手机和“安卓”手机"


def test_a_rule_in_the_first_line_begins_no_front_matter():
    assert prose("---\n苹果\n手机")[0] == ["苹果", "手机"]


def test_an_indented_chinese_paragraph_is_no_code():
    assert prose("一\n\n    这一段缩进了四格。\n")[0] == ["一", "这一段缩进了四格。"]


def test_an_indented_line_of_a_list_is_no_code():
    assert prose("- 一\n\n    x = 1\n\n后\n\n    y = 2")[0] == ["一", "x = 1", "后"]


def test_a_paragraph_without_end_is_read_in_parts():
    taken = []
    lines = ((taken.append(number), (number, f"第{number}行"))[1] for number in range(10**6))
    assert next(prose_of(lines, print)) == (0, "第0行")
    assert len(taken) == MAX_PARAGRAPH_LINES


def test_signs_of_a_font_for_icons_never_become_code_of_the_line():
    assert inline_prose("\ue100苹果`手机`") == "苹果手机"


def test_blocks_have_an_empty_line_between_them():
    given = ["# 一", "二", "三", "", "- 四", "- 五"]
    lines = [line for _, line in prose_of(enumerate(given), print)]
    assert "\n".join(lines).strip("\n").replace("\n\n\n", "\n\n") == "一\n\n二\n三\n\n四\n\n五"


def test_a_script_over_several_lines_is_no_prose():
    text, dropped = prose("前<script>\nvar 苹果;\n</script>后\n字")
    assert (text, dropped) == (["前", "后", "字"], [(CODE, "前<script>", 2)])


def test_the_end_of_a_script_may_be_in_capitals_and_begin_another():
    text = prose("<SCRIPT>\nvar a;\n</SCRIPT>前<style>\np {}\n</Style>后<!--\n注\n-->字")[0]
    assert text == ["前", "后", "字"]


@pytest.mark.parametrize("mention", ["用 <script> 标签", "<!-- 没有结束", "```html\n<style>\n```"])
def test_a_mentioned_tag_hides_nothing_of_what_follows(mention):
    following = [f"第{number}段" for number in range(MAX_HIDDEN_LINES + 9)]
    text = prose("\n".join([mention, *following, "</script></style>-->"]))[0]
    assert text[-len(following) - 1 : -1] == following


@given(st.text("苹果。 \n*_`#>-+1.[]()!|<&\\~:=", max_size=60))
def test_plain_characters_survive_every_mixture_of_marks(text):
    """No character of Chinese is lost unless it stands in code, an address, a tag or a picture."""
    lines, _ = prose(text)
    if not set(text) & set("`[]<~=!:") and "    " not in text:
        assert [c for c in joined(lines) if c in "苹果"] == [c for c in text if c in "苹果"]


@pytest.mark.parametrize(
    ("begin", "end", "left"), [("**", "**", "**"), ("_", "_", "_"), ("![", "](a.png)", "!")]
)
def test_a_mark_is_not_searched_for_further_than_a_bound(begin, end, left):
    assert left not in inline_prose(f"{begin}{'好' * MAX_SPAN}{end}")
    assert left in inline_prose(f"{begin}{'好' * (MAX_SPAN + 1)}{end}")
