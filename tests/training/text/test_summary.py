from training.text.summary import MAX_EXAMPLE_CHARACTERS, Doubts, Tally


def test_a_reason_is_one_line_with_three_examples():
    tally = Tally()
    for number in range(1200):
        tally.count("copies dropped", f"line {number}")
    tally.count("lines of code removed", "x" * 1000, 50)
    first, second = tally.lines()
    assert first == "copies dropped: 1,200 (line 0; line 1; line 2; …)"
    assert second.startswith("lines of code removed: 50 (xxx")
    assert len(second) < MAX_EXAMPLE_CHARACTERS + 50
    assert (tally["copies dropped"], tally["else"]) == (1200, 0)


def test_three_cases_have_three_examples_and_nothing_more():
    tally = Tally()
    for number in range(3):
        tally.count("copies dropped", str(number))
    assert tally.lines() == ["copies dropped: 3 (0; 1; 2)"]


def test_shares_of_doubtful_documents_are_reported_from_a_hundredth_on():
    doubts = Doubts()
    for text in ["苹果"] * 84 + ["<p>苹果"] * 4 + ["apple"] * 12:
        doubts.look_at(text)
    (line,) = doubts.lines()
    assert "of 100 documents 4% begin with <, 12% have no Chinese character;" in line
    assert "entities" not in line


def test_a_text_in_another_language_raises_no_doubt():
    doubts = Doubts()
    for text in ["apple"] * 99 + ["苹果"]:
        doubts.look_at(text)
    assert doubts.lines() == []


def test_entities_and_replacement_characters_are_counted():
    doubts = Doubts()
    for text in ["苹果&nbsp;手机", "AT&T 的苹果", "苹\ufffd"]:
        doubts.look_at(text)
    (line,) = doubts.lines()
    assert "33% hold entities such as &nbsp;, 33% hold U+FFFD" in line
