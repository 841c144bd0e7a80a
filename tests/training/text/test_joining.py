from training.text.joining import joined


def test_a_line_that_was_broken_to_fit_a_width_is_whole_again():
    line = "一二三四五六七八九十一二三四五六七八九苹"
    assert joined([line, "果手机"]) == f"{line}果手机"
    assert joined([line[1:], "果手机"]) == f"{line[1:]} 果手机"


def test_a_title_a_sentence_and_latin_words_keep_a_space():
    sentence = "我吃了一个苹果，味道很甜，所以又吃了一个苹果。"
    assert joined(["第一章", sentence, "第二天"]) == f"第一章 {sentence} 第二天"
    latin = "a line of twenty and more characters"
    assert joined([latin, latin]) == f"{latin} {latin}"


def test_blank_lines_and_indentation_vanish():
    assert joined(["\u3000\u3000苹果", " ", "", "手机\t"]) == "苹果 手机"
    assert joined([]) == ""
